"""What ``plan`` and ``explain`` share: the options of ``build``, and a build that only looks ahead."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING

from ci_builder.build.start import looked_ahead
from ci_builder.build.surroundings import Surroundings
from ci_builder.cli.build import add_options, request_of
from ci_builder.cli.call import BUILD, call_of
from ci_builder.cli.failure import harmless, show_error
from ci_builder.cli.invocation import Invocation
from ci_builder.cli.parser import Parser
from ci_builder.cli.perform import Display, examined, secrets_of
from ci_builder.errors import CiBuilderError, UsageError
from ci_builder.request import Request

if TYPE_CHECKING:
    from ci_builder.build.preview import Prospect


def add_look_options(parser: Parser) -> None:
    """Those of ``build``, and the format of the answer."""
    add_options(parser)
    add_format(parser)


def add_format(parser: argparse.ArgumentParser) -> None:
    """``--format text|json``."""
    parser.add_argument(
        "--format",
        choices=("text", "json"),
        default="text",
        help="how the answer on standard output is written (default: %(default)s)",
    )


def look(
    arguments: argparse.Namespace,
    invocation: Invocation,
    tell: Callable[[Prospect, bool], str],
) -> int:
    """Look ahead, and print what ``tell`` says of it, as JSON or as text. Returns the exit code."""
    request = request_of(arguments, invocation)
    if arguments.check or call_of(arguments.call).kind != BUILD:
        raise UsageError("--check and --call ask for something else", hint="use the command build")
    secrets = secrets_of(request, invocation.environment)
    display = Display("quiet" if arguments.quiet else arguments.progress, arguments.debug, secrets)

    def asked(under: Request, surroundings: Surroundings) -> str:
        with looked_ahead(under, surroundings) as prospect:
            return tell(prospect, arguments.format == "json")

    answer = examined(asked, request, invocation, display)
    if isinstance(answer, CiBuilderError):
        return show_error(answer, invocation, secrets, debug=arguments.debug)
    for line in secrets.hide(answer).splitlines():
        invocation.answer(harmless(line))
    return 0
