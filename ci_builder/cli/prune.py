"""``prune``: removes what is old, what nobody uses and what is too much, from caches and from this machine.

Limits hold for each place by itself. Those that were not used for the longest time go first."""

from __future__ import annotations

import argparse
import json
import time

from ci_builder import options
from ci_builder.cache.limits import Limits, surplus
from ci_builder.cli.commands import ABOUT
from ci_builder.cli.failure import harmless
from ci_builder.cli.invocation import Invocation
from ci_builder.cli.parser import Once, SubParsers
from ci_builder.cli.rendering.room import Pruned, pruned_json, pruned_text
from ci_builder.cli.upkeep_flags import add_place_flags, places
from ci_builder.errors import UsageError

NAME = "prune"
_EXAMPLES = """examples:
  prune --unused-for 14d --max-size 20GB                         (this machine)
  prune --cache-repo registry.example.com/team/cache --unused-for 14d --max-scopes 50
  prune --cache type=local,src=cache --max-size 2GB --dry-run

A registry frees what is not named any more when it collects its garbage (docs/cache-upkeep.md)."""


def add_parser(commands: SubParsers) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(NAME, help=ABOUT[NAME], description=__doc__, epilog=_EXAMPLES)
    group = parser.add_argument_group("what goes (one of them is needed)")
    group.add_argument("--older-than", action=Once, metavar="AGE", help="what was made before: 30d, 12h")
    group.add_argument("--unused-for", action=Once, metavar="AGE", help="what was last used before: 14d, 12h")
    group.add_argument("--max-size", action=Once, metavar="SIZE", help="what is more than that: 5GB, 500MiB")
    group.add_argument(
        "--max-scopes",
        action=Once,
        metavar="N",
        help="of caches of layers and of RUN --mount: scopes beyond that many",
    )
    group.add_argument("--all", action="store_true", help="everything")
    parser.add_argument("--dry-run", action="store_true", help="only say what would go")
    add_place_flags(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace, invocation: Invocation) -> int:
    """Look, choose, remove, tell. Returns the exit code."""
    limits = limits_of(arguments)
    now = int(time.time())
    done: list[Pruned] = []
    with places(arguments, invocation) as found:
        for place in found:
            entries = place.entries()
            gone = surplus(entries, limits, now)
            # With nothing to go, too: a folder may hold what nothing names any more.
            freed = 0 if arguments.dry_run else place.remove(gone)
            done.append(Pruned(str(place), entries, gone, freed, arguments.dry_run))
    value = pruned_json(done)
    text = (
        json.dumps(value, indent=2, ensure_ascii=False) if arguments.format == "json" else pruned_text(done)
    )
    for line in text.splitlines():
        invocation.answer(harmless(line))
    return 0


def limits_of(arguments: argparse.Namespace) -> Limits:
    """What may stay. Raises UsageError where nothing is said, or what cannot be."""
    given = (arguments.older_than, arguments.unused_for, arguments.max_size, arguments.max_scopes)
    if arguments.all and any(given):
        raise UsageError("--all goes with no limit", hint="leave out either --all or the limits")
    if not arguments.all and not any(given):
        hint = "give --older-than, --unused-for, --max-size or --max-scopes; or --all for everything"
        raise UsageError("what is to go?", hint=hint)
    scopes = arguments.max_scopes
    if scopes and not (arguments.cache_repo or arguments.cache):
        raise UsageError("--max-scopes is for --cache-repo and --cache: this machine has no scopes")
    return Limits(
        options.age(arguments.older_than, "--older-than") if arguments.older_than else None,
        options.age(arguments.unused_for, "--unused-for") if arguments.unused_for else None,
        options.size(arguments.max_size, "--max-size") if arguments.max_size else None,
        options.number(scopes, "--max-scopes") if scopes else None,
        arguments.all,
    )
