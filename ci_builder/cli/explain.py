"""``explain``: says of every step whether it is found in the cache, and if not, every input that differs.

Takes the options of ``build``, looks ahead as a build does, and stops there: nothing is built, pulled, pushed
or written."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from ci_builder.cli.commands import ABOUT
from ci_builder.cli.invocation import Invocation
from ci_builder.cli.looking import add_look_options, look
from ci_builder.cli.parser import SubParsers

if TYPE_CHECKING:
    from ci_builder.build.preview import Prospect

NAME = "explain"
_EXAMPLES = """examples:
  explain --cache-repo registry.example.com/team/cache -t registry.example.com/team/app .
  explain --cache-from type=local,src=cache --format json .

words:
  hit     the step's layer is taken from the cache
  missed  it is done anew; the inputs that differ from the entry that it should have hit are listed
  open    it is found if the steps before it turn out as before, which is known when they are done"""


def add_parser(commands: SubParsers) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(NAME, help=ABOUT[NAME], description=__doc__, epilog=_EXAMPLES)
    add_look_options(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace, invocation: Invocation) -> int:
    """Look ahead and tell. Returns the exit code."""
    return look(arguments, invocation, _told)


def _told(prospect: Prospect, as_json: bool) -> str:
    # Here: the Dockerfile is read before all this is imported.
    from ci_builder.build.preview import stages_of
    from ci_builder.cli.rendering.outlook import explain_json, explain_text

    return (explain_json if as_json else explain_text)(stages_of(prospect))
