"""The options that say how registries are reached, the same for every command that talks to one."""

from __future__ import annotations

import argparse

from ci_builder import options
from ci_builder.errors import UsageError
from ci_builder.oci.reference import DOCKER_HUB
from ci_builder.registry.keys import normal_key
from ci_builder.request import RETRIES, RegistryOptions


def add_registry_flags(parser: argparse.ArgumentParser) -> None:
    """Add the group ``registries``."""
    group = parser.add_argument_group("registries")
    group.add_argument(
        "--insecure-registry",
        metavar="HOST",
        action="append",
        default=[],
        help="allow plain HTTP for this host[:port], * for all (loopback is always allowed); repeatable",
    )
    group.add_argument(
        "--skip-tls-verify-registry",
        metavar="HOST",
        action="append",
        default=[],
        help="do not verify the certificate of this host[:port], * for all; repeatable",
    )
    group.add_argument(
        "--registry-mirror",
        metavar="[HOST=]MIRROR",
        action="append",
        default=[],
        help="ask this mirror before HOST (docker.io if left out) for images to pull; repeatable",
    )
    group.add_argument(
        "--registry-certificate",
        metavar="HOST=FILE",
        action="append",
        default=[],
        help="verify this host, * for all, against the CA bundle FILE (PEM); repeatable",
    )
    group.add_argument(
        "--registry-client-cert",
        metavar="HOST=CERT,KEY",
        action="append",
        default=[],
        help="show this host the client certificate CERT with its key KEY (PEM); repeatable",
    )
    group.add_argument(
        "--registry-retries",
        metavar="N",
        type=int,
        help=f"tries after the first one when a registry fails for the moment (default: {RETRIES})",
    )


def registry_options(arguments: argparse.Namespace) -> RegistryOptions:
    """The RegistryOptions of parsed arguments. Raises UsageError."""
    if (arguments.registry_retries or 0) < 0:
        raise UsageError("--registry-retries is 0 or more")
    return RegistryOptions(
        insecure=tuple(arguments.insecure_registry),
        skip_tls_verify=tuple(arguments.skip_tls_verify_registry),
        mirrors=tuple(mirror(text, "--registry-mirror") for text in arguments.registry_mirror),
        certificates=tuple(
            options.pair(text, "--registry-certificate") for text in arguments.registry_certificate
        ),
        client_certificates=tuple(
            client_certificate(text, "--registry-client-cert") for text in arguments.registry_client_cert
        ),
        retries=arguments.registry_retries,
    )


def registry_key(text: str) -> str:
    """The registry of ``login`` and ``logout`` as it is kept. Raises UsageError where none is named."""
    key = normal_key(text)
    if not key:
        raise UsageError("the REGISTRY is empty", hint="name one, or leave it out for Docker Hub")
    return key


def mirror(text: str, name: str) -> tuple[str, str]:
    """``[host=]mirror``: the registry and its mirror. Raises UsageError."""
    host, equals, place = text.partition("=")
    found = (host, place) if equals else (DOCKER_HUB, text)
    if not all(found):
        raise UsageError(f"{name}: expected [HOST=]MIRROR, not {text!r}")
    return found


def client_certificate(text: str, name: str) -> tuple[str, str, str]:
    """``host=certificate,key``. Raises UsageError."""
    host, files = options.pair(text, name)
    certificate, comma, key = files.partition(",")
    if not comma or not certificate or not key:
        raise UsageError(f"{name}: expected HOST=CERT,KEY, not {text!r}")
    return host, certificate, key
