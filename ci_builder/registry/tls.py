"""TLS for registries: which authorities are believed."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ci_builder.errors import UsageError
from ci_builder.registry.listed import listed
from ci_builder.request import RegistryOptions

if TYPE_CHECKING:
    import ssl

_VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_SYSTEM_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
    "/etc/ssl/ca-bundle.pem",
)


def tls_context(
    host: str, options: RegistryOptions, environment: Mapping[str, str], authorities: str = ""
) -> ssl.SSLContext:
    """The TLS context for ``host``: the system's authorities (SSL_CERT_FILE and REQUESTS_CA_BUNDLE name
    others) and, in addition, those of ``options``. ``authorities``: what ``base_authorities`` has read
    before. Raises UsageError for a bundle that cannot be read."""
    import ssl  # here: most builds against a registry on loopback need none

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if listed(host, options.skip_tls_verify):
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    else:
        if authorities:
            context.load_verify_locations(cadata=authorities)
        else:
            _load(context, base_bundle(environment))
        for wanted, path in options.certificates:
            if wanted in ("*", host):
                _load(context, path)
    for wanted, certificate, key in options.client_certificates:
        if wanted in ("*", host):
            try:
                context.load_cert_chain(certificate, key or None)
            except OSError as error:
                raise UsageError(f"the client certificate {certificate} cannot be used: {error}") from error
    return context


def base_authorities(environment: Mapping[str, str]) -> str:
    """The authorities that everybody is verified with, in PEM: for a context that is made when their file is
    not there any more. Raises UsageError when they cannot be read."""
    path = Path(base_bundle(environment))
    try:
        # What stands between the certificates may be in any language.
        return "\n".join(item.read_text("ascii", "ignore") for item in _files(path))
    except OSError as error:
        raise UsageError(f"the bundle of certificates {path} cannot be read: {error}") from error


def base_bundle(environment: Mapping[str, str]) -> str:
    """The path of the bundle of authorities that everybody is verified with."""
    named = (environment[name] for name in _VARIABLES if environment.get(name))
    system = (path for path in _SYSTEM_BUNDLES if Path(path).is_file())
    found = next(itertools.chain(named, system), "")
    if found:
        return found
    import certifi  # here: few machines have no bundle of their own

    return certifi.where()


def _load(context: ssl.SSLContext, path: str) -> None:
    try:
        for file in _files(Path(path)):
            context.load_verify_locations(cafile=str(file))
    except OSError as error:
        raise UsageError(f"the bundle of certificates {path} cannot be read: {error}") from error


def _files(path: Path) -> list[Path]:
    """The file itself, or those of a folder that are certificates by their name."""
    if not path.is_dir():
        return [path]
    return [file for file in sorted(path.iterdir()) if file.suffix in (".crt", ".pem", ".cert")]
