"""``ci``: read what the CI job says, build, push, report; the same command on every CI system."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable
from pathlib import Path

from ci_builder.ci.choose import detect
from ci_builder.ci.interface import NOTHING_READ, FileWrite, Report
from ci_builder.ci.observe import observe
from ci_builder.cli.commands import ABOUT
from ci_builder.cli.failure import show_error
from ci_builder.cli.invocation import Invocation
from ci_builder.cli.masking import NO_SECRETS, Secrets
from ci_builder.cli.parser import SubParsers
from ci_builder.cli.perform import Display, perform, secrets_of
from ci_builder.cli.rendering.choose import MODES
from ci_builder.cli.summary import summary
from ci_builder.errors import CiBuilderError, OutputError
from ci_builder.progress import Event, Notice
from ci_builder.values import dataclass, field, replace

NAME = "ci"


def add_parser(commands: SubParsers) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(NAME, help=ABOUT[NAME], description=__doc__)
    parser.add_argument(
        "--progress", choices=MODES, default="plain", help="how progress is shown (default: %(default)s)"
    )
    parser.add_argument("-D", "--debug", action="store_true", help="more notices, and the trace of errors")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace, invocation: Invocation) -> int:
    """Do the job. Returns the exit code."""
    adapter = detect(invocation.environment)
    situation = observe(invocation.environment, Path.cwd())
    try:
        reading = adapter.read(situation)
        in_request = secrets_of(reading.request, invocation.environment)
        for file in reading.stale:
            _remove(file)
    except CiBuilderError as error:
        _tell(adapter.report(situation, NOTHING_READ, error), invocation, NO_SECRETS)
        return show_error(error, invocation, debug=arguments.debug)
    secrets = Secrets.of((*reading.masks, *in_request.texts))
    # What the adapter tells the CI hides all of them as well: files and config.json were read only now.
    known = {*reading.masks, *secrets.texts}
    reading = replace(reading, masks=tuple(sorted(known, key=lambda text: (-len(text), text))))
    # Masks come first, and unmasked: the CI learns from them what to hide.
    _print(reading.lines, invocation)
    _print(reading.opening, invocation)
    debug = arguments.debug or reading.debug
    warnings = _Warnings()
    display = Display(arguments.progress, debug, secrets, warnings)
    outcome = perform(reading.request, invocation, display)
    # The report first: it ends the group in the log, and the error is to be seen outside.
    _tell(adapter.report(situation, reading, outcome, tuple(warnings.found)), invocation, secrets)
    if isinstance(outcome, CiBuilderError):
        return show_error(outcome, invocation, secrets, debug=debug)
    _print((secrets.hide(line) for line in summary(outcome)), invocation)
    return 0


@dataclass(slots=True)
class _Warnings:
    """A Progress that keeps the warnings about lines of a file."""

    found: list[Notice] = field(default_factory=list)

    def __call__(self, event: Event, /) -> None:
        if isinstance(event, Notice) and event.level == "warning" and event.file:
            self.found.append(event)


def _tell(report: Report, invocation: Invocation, secrets: Secrets) -> None:
    _print((secrets.hide(line) for line in report.lines), invocation)
    for file in report.files:
        _write(file, invocation)


def _print(lines: Iterable[str], invocation: Invocation) -> None:
    # GitHub reads commands from both streams, but keeps the order within one only.
    for line in lines:
        invocation.say(line)


def _remove(file: Path) -> None:
    """It would get into the image with COPY . and, after this build, speak of the former one. Raises
    OutputError."""
    if not os.path.lexists(file):
        return  # a file system that cannot be written would refuse even that
    try:
        file.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(
            f"{file} of a former build cannot be removed: {error.strerror}",
            hint="the jobs that follow would take it for this build's: remove it before",
        ) from error


def _write(file: FileWrite, invocation: Invocation) -> None:
    try:
        with file.path.open("a" if file.append else "w", encoding="utf-8") as stream:
            stream.write(file.text)
    except OSError as error:
        invocation.say(f"warning: {file.path} cannot be written: {error.strerror}")
