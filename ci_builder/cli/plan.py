"""``plan``: prints what a build would run, copy, find in the cache, unpack and push, without doing it.

Takes the options of ``build``. Nothing is built, pulled, pushed or written; registries are asked for
manifests and whether they have a layer, and what ADD names by URL or repository is fetched."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from ci_builder.cli.commands import ABOUT
from ci_builder.cli.invocation import Invocation
from ci_builder.cli.looking import add_look_options, look
from ci_builder.cli.parser import SubParsers

if TYPE_CHECKING:
    from ci_builder.build.preview import Prospect

NAME = "plan"
_EXAMPLES = """examples:
  plan -t registry.example.com/team/app:1.2 --push .
  plan --cache-repo registry.example.com/team/cache --target test --format json ."""


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
    from ci_builder.build.preview import preview
    from ci_builder.cli.rendering.preview import plan_json, plan_text

    return (plan_json if as_json else plan_text)(preview(prospect))
