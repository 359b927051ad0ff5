"""The command line: finds the command, runs it, and turns errors into messages and exit codes."""

from __future__ import annotations

import gc
import importlib
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, NoReturn

from ci_builder import __version__
from ci_builder.cli.commands import ABOUT, ELSEWHERE
from ci_builder.cli.signals import interruptible, leave, stop_at_once
from ci_builder.cli.streams import fill_gaps, give_up_output, output_is_closed
from ci_builder.errors import CiBuilderError, OutputError, Unsupported, UsageError, did_you_mean

if TYPE_CHECKING:
    from ci_builder.cli.invocation import Invocation
    from ci_builder.cli.parser import Parser

_EXECUTOR = "executor"
_SEE = f"there are: {', '.join(ABOUT)}"
_GARBAGE = 20_000  # new objects until the collector looks
_ABOUT = """Builds container images inside CI jobs that own nothing: no daemon, no privilege.

Every command has its own --help."""


def console() -> NoReturn:
    """The program itself: arguments and surroundings of this process, which it ends with the exit code."""
    leave(_console())


def _console() -> int:
    fill_gaps()
    stop_at_once()
    # Imports make many objects and no garbage, through which the default of 700 would look all the time.
    gc.set_threshold(_GARBAGE)
    # Importing takes most of the start: it comes after the handlers.
    from ci_builder.cli.failure import show_error
    from ci_builder.cli.invocation import this_process

    invocation = this_process()
    if output_is_closed():
        return show_error(OutputError("standard output cannot be written: it is closed"), invocation)
    arguments = sys.argv[1:]
    if invocation.program == _EXECUTOR:
        arguments = [_EXECUTOR, *arguments]
    code = main(arguments, invocation)
    try:
        sys.stdout.flush()
    except OSError:
        give_up_output()
    # A log that could not be written is told by the exit code alone.
    return code or int(getattr(invocation.stderr, "lost", False))


def main(arguments: Sequence[str], invocation: Invocation) -> int:
    """Run one command line. Returns the exit code; prints what went wrong."""
    from ci_builder.cli.failure import show_error, unexpected_error

    debug = "--debug" in arguments or "-D" in arguments
    try:
        with interruptible():
            return _dispatch(arguments, invocation)
    except CiBuilderError as error:
        return show_error(error, invocation, debug=debug)
    except BrokenPipeError:
        # Whoever read the result has gone away; nothing more can be said to them.
        give_up_output()
        return 1
    except Exception as error:
        return show_error(unexpected_error(error), invocation, debug=debug)


def _dispatch(arguments: Sequence[str], invocation: Invocation) -> int:
    if arguments and arguments[0] == _EXECUTOR:
        return _run_executor(arguments[1:], invocation)
    words = (word for word in arguments if not word.startswith("-"))
    wanted = next(words, "")
    if wanted in ELSEWHERE:
        raise Unsupported(f"there is no command {wanted!r}", hint=ELSEWHERE[wanted])
    if wanted and wanted not in ABOUT:
        hint = did_you_mean(wanted, ABOUT) or _SEE
        raise UsageError(f"there is no command {wanted!r}", hint=hint)
    parser = _parser(invocation.program, wanted)
    try:
        chosen = parser.parse_args(list(arguments))
    except SystemExit as end:
        # --help and --version have printed what was asked for.
        return int(end.code or 0)
    if "run" not in chosen:
        invocation.say(parser.format_help().rstrip())
        return 2
    code: int = chosen.run(chosen, invocation)
    return code


def _run_executor(words: Sequence[str], invocation: Invocation) -> int:
    from ci_builder.cli import executor

    return executor.run_words(words, invocation)


def _parser(program: str, wanted: str) -> Parser:
    """Knows every command by name, and the options of the ``wanted`` one, which alone is imported."""
    from ci_builder.cli.parser import Parser

    parser = Parser(prog=program, description=_ABOUT)
    parser.add_argument("--version", action="version", version=f"ci_builder {__version__}")
    below = parser.add_subparsers(title="commands", metavar="COMMAND")
    for name, about in ABOUT.items():
        if name == wanted:
            importlib.import_module(f"ci_builder.cli.{name}").add_parser(below)
        else:
            below.add_parser(name, help=about)
    return parser
