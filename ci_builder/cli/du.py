"""``du``: shows what takes the room: images, caches of RUN --mount, caches of layers."""

from __future__ import annotations

import argparse

from ci_builder.cli.commands import ABOUT
from ci_builder.cli.failure import harmless
from ci_builder.cli.invocation import Invocation
from ci_builder.cli.parser import SubParsers
from ci_builder.cli.rendering.room import room_json, room_text
from ci_builder.cli.upkeep_flags import add_place_flags, places

NAME = "du"
_EXAMPLES = """examples:
  du                                                     (what this machine keeps)
  du --cache-repo registry.example.com/team/cache        (every cache in there)
  du --cache type=local,src=cache --format json

What several entries share is counted once in sums."""


def add_parser(commands: SubParsers) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(NAME, help=ABOUT[NAME], description=__doc__, epilog=_EXAMPLES)
    add_place_flags(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace, invocation: Invocation) -> int:
    """Look and tell. Returns the exit code."""
    with places(arguments, invocation) as found:
        rooms = [(str(place), place.entries()) for place in found]
    text = room_json(rooms) if arguments.format == "json" else room_text(rooms)
    for line in text.splitlines():
        invocation.answer(harmless(line))
    return 0
