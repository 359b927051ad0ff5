"""The command line: finds the command, runs it, and turns errors into messages and exit codes."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Sequence

from ci_builder import __version__
from ci_builder.cli import build, ci, demo, executor, login, logout
from ci_builder.cli.failure import internal_error, show_error
from ci_builder.cli.invocation import Invocation, this_process
from ci_builder.cli.parser import Parser
from ci_builder.cli.signals import interruptible
from ci_builder.errors import CiBuilderError

_COMMANDS = (build, ci, executor, demo, login, logout)
_ABOUT = """Builds container images inside CI jobs that own nothing: no daemon, no privilege.

Every command has its own --help."""


def console() -> int:
    """The program itself: arguments and surroundings of this process. Returns the exit code."""
    invocation = this_process()
    arguments = sys.argv[1:]
    if invocation.program == executor.NAME:
        arguments = [executor.NAME, *arguments]
    return main(arguments, invocation)


def main(arguments: Sequence[str], invocation: Invocation) -> int:
    """Run one command line. Returns the exit code; prints what went wrong."""
    debug = "--debug" in arguments or "-D" in arguments
    try:
        with interruptible():
            return _dispatch(arguments, invocation)
    except CiBuilderError as error:
        return show_error(error, invocation, debug=debug)
    except BrokenPipeError:
        # Whoever read the result has gone away; nothing more can be said to them, not even by Python at
        # its end.
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 1
    except Exception as error:
        return show_error(internal_error(error), invocation, debug=debug)


def _dispatch(arguments: Sequence[str], invocation: Invocation) -> int:
    if arguments and arguments[0] == executor.NAME:
        return executor.run_words(arguments[1:], invocation)
    parser = _parser(invocation.program)
    try:
        chosen = parser.parse_args(list(arguments))
    except SystemExit as end:
        # --help and --version have printed what was asked for.
        return int(end.code or 0)
    if "run" not in chosen:
        parser.print_help(sys.stderr)
        return 2
    code: int = chosen.run(chosen, invocation)
    return code


def _parser(program: str) -> argparse.ArgumentParser:
    parser = Parser(prog=program, description=_ABOUT)
    parser.add_argument("--version", action="version", version=f"ci_builder {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for command in _COMMANDS:
        command.add_parser(commands)
    return parser
