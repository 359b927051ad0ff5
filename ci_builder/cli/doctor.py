"""``doctor``: what these surroundings permit, and how RUN commands would run here.

Each executor that seems to work is proved by a tiny build, offline."""

from __future__ import annotations

import argparse
import json

from ci_builder.cli.commands import ABOUT
from ci_builder.cli.diagnosis.gather import gather
from ci_builder.cli.diagnosis.structure import structure
from ci_builder.cli.diagnosis.table import table
from ci_builder.cli.failure import harmless
from ci_builder.cli.invocation import Invocation
from ci_builder.cli.parser import SubParsers

NAME = "doctor"
_CODES = """exit codes:
  0  a Dockerfile with RUN can be built here as it is (--isolation auto)
  1  it cannot

Nothing is pulled or pushed, no secret is shown, and what is made is removed again."""


def add_parser(commands: SubParsers) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(NAME, help=ABOUT[NAME], description=__doc__, epilog=_CODES)
    parser.add_argument(
        "--format",
        choices=("text", "json"),
        default="text",
        help="a table for people, or JSON with the keys of docs/doctor.md (default: %(default)s)",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace, invocation: Invocation) -> int:
    """Look, try, tell. Returns the exit code."""
    report = gather(invocation)
    if arguments.format == "json":
        invocation.answer(json.dumps(structure(report), indent=2))
    else:
        for line in table(report):
            invocation.answer(harmless(line))
    return 0 if report.examination.runs else 1
