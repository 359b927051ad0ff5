"""``logout``: forget the credentials for a registry where docker keeps them."""

from __future__ import annotations

import argparse

from ci_builder.cli.commands import ABOUT
from ci_builder.cli.invocation import Invocation
from ci_builder.cli.parser import SubParsers
from ci_builder.cli.registry_flags import registry_key
from ci_builder.oci.reference import DOCKER_HUB
from ci_builder.registry.credentials import docker_config_folder
from ci_builder.registry.kept_logins import forget_login

NAME = "logout"


def add_parser(commands: SubParsers) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(NAME, help=ABOUT[NAME], description=__doc__)
    parser.add_argument(
        "registry",
        metavar="REGISTRY",
        nargs="?",
        default=DOCKER_HUB,
        help="host[:port] (default: %(default)s)",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace, invocation: Invocation) -> int:
    """Forget the login; nothing to do is no error, as for docker. Returns the exit code."""
    registry = registry_key(arguments.registry)
    folder = docker_config_folder(invocation.environment)
    known = folder is not None and forget_login(registry, folder, invocation.environment)
    text = f"Removing login credentials for {registry}" if known else f"Not logged in to {registry}"
    invocation.answer(text)
    return 0
