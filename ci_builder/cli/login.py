"""``login``: keep credentials for a registry where docker keeps them, after trying them."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from ci_builder.cli.commands import ABOUT
from ci_builder.cli.invocation import Invocation
from ci_builder.cli.parser import SubParsers
from ci_builder.cli.registry_flags import add_registry_flags, registry_key, registry_options
from ci_builder.errors import CredentialError, UsageError
from ci_builder.oci.reference import DOCKER_HUB
from ci_builder.progress import silent
from ci_builder.registry.client import Registry
from ci_builder.registry.credentials import docker_config_folder, load
from ci_builder.registry.kept_logins import keep_login
from ci_builder.request import Login

NAME = "login"
_LIMIT = 1 << 16


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
    parser.add_argument("-u", "--username", metavar="USER", default="", help="the user's name")
    parser.add_argument(
        "-p",
        "--password",
        metavar="PASSWORD",
        help="the password; visible to others: prefer --password-stdin",
    )
    parser.add_argument("--password-stdin", action="store_true", help="read the password from standard input")
    add_registry_flags(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace, invocation: Invocation) -> int:
    """Try the credentials and keep them. Returns the exit code."""
    registry = registry_key(arguments.registry)
    if not arguments.username:
        raise UsageError("login needs --username")
    login = Login(registry, arguments.username, _password(arguments, invocation))
    folder = docker_config_folder(invocation.environment)
    if folder is None:
        raise CredentialError(
            "there is no place to keep the login", hint="set DOCKER_CONFIG, or HOME, to a folder"
        )
    with (
        tempfile.TemporaryDirectory() as nothing,
        Registry(
            load({}, [login]),
            registry_options(arguments),
            invocation.environment,
            silent,
            Path(nothing),
        ) as client,
    ):
        client.check_login(registry)
    place = keep_login(login, folder, invocation.environment)
    invocation.say(f"the login for {registry} is kept in {place}")
    invocation.answer("Login Succeeded")
    return 0


def _password(arguments: argparse.Namespace, invocation: Invocation) -> str:
    if arguments.password_stdin:
        if arguments.password is not None:
            raise UsageError("--password and --password-stdin exclude each other")
        text = invocation.stdin.read(_LIMIT).decode("utf-8", "surrogateescape")
        password = text.removesuffix("\n").removesuffix("\r")
    elif arguments.password is not None:
        invocation.say("warning: a password on the command line can be seen by others: use --password-stdin")
        password = arguments.password
    else:
        raise UsageError("login needs a password", hint="give it with --password-stdin")
    if not password:
        raise UsageError("the password is empty")
    return password
