"""The flags of ``build`` about the cache of layers."""

from __future__ import annotations

import argparse

from ci_builder import options
from ci_builder.cli.parser import Once, Switch, need_value
from ci_builder.errors import UsageError
from ci_builder.request import MOUNTS_LIMIT, TTL, CacheOptions


def add_cache_flags(parser: argparse.ArgumentParser) -> None:
    """Add them, in a group of their own."""
    group = parser.add_argument_group("cache of layers")
    group.add_argument(
        "--cache-repo",
        action=Once,
        metavar="REPOSITORY",
        help="keep the cache of this image, target, platform and branch there, and look there",
    )
    group.add_argument(
        "--cache-branch",
        action="append",
        default=[],
        metavar="NAME",
        help="the branch whose cache in --cache-repo is written; given again: others that are read as well",
    )
    group.add_argument(
        "--cache-from",
        action="append",
        default=[],
        metavar="PLACE",
        help="look there: type=registry,ref=NAME or type=local,src=FOLDER; repeatable",
    )
    group.add_argument(
        "--cache-to",
        action="append",
        default=[],
        metavar="PLACE",
        help="keep layers there: type=registry,ref=NAME or type=local,dest=FOLDER, with mode=min (those of "
        "the image) or max (of all stages), or type=inline; repeatable",
    )
    group.add_argument(
        "--cache-ttl",
        action=Once,
        metavar="TIME",
        help=f"how long after its last use a layer is found: 14d, 2h; 0: for ever (default: {TTL // 3600}h)",
    )
    group.add_argument(
        "--cache-mounts",
        action=Once,
        metavar="WAY",
        help="the content of RUN --mount=type=cache in --cache-repo, too: import, export or both "
        "(docs/cache-upkeep.md)",
    )
    group.add_argument(
        "--cache-mounts-max-size",
        action=Once,
        metavar="SIZE",
        help="bytes that all of them may have; one that is too much is not sent "
        f"(default: {MOUNTS_LIMIT // 10**9}GB)",
    )
    group.add_argument("--no-cache", action=Switch, help="build every layer anew")
    group.add_argument(
        "--no-cache-filter",
        action="append",
        default=[],
        metavar="STAGE",
        help="build this stage anew; repeatable",
    )


def cache_options(arguments: argparse.Namespace) -> CacheOptions:
    """Where layers are looked for and kept. Raises UsageError, InvalidValue."""
    # A later empty branch is the cache of builds without one.
    for text in arguments.cache_branch[:1]:
        need_value("--cache-branch", text)
    for text in arguments.no_cache_filter:
        need_value("--no-cache-filter", text)
    brings, sends = options.cache_mounts(arguments.cache_mounts, "--cache-mounts")
    size = arguments.cache_mounts_max_size
    limit = options.size(size, "--cache-mounts-max-size") if size else MOUNTS_LIMIT
    if size and not (brings or sends):
        raise UsageError("--cache-mounts-max-size: no caches are kept", hint="add --cache-mounts both")
    about = (
        ("--cache-branch", True, arguments.cache_branch),
        ("--cache-ttl", False, arguments.cache_ttl),
        ("--cache-mounts", True, brings or sends),
    )
    return CacheOptions(
        sources=options.cache_places(arguments.cache_from, "--cache-from"),
        targets=options.cache_places(arguments.cache_to, "--cache-to"),
        repository=options.repository(arguments.cache_repo, "--cache-repo"),
        branches=tuple(arguments.cache_branch),
        bring_mounts=brings,
        send_mounts=sends,
        mounts_limit=limit,
        ttl=options.age(arguments.cache_ttl, "--cache-ttl") if arguments.cache_ttl else None,
        without=tuple(name for text in arguments.no_cache_filter for name in text.split(",") if name),
        about=tuple((name, of_repository) for name, of_repository, given in about if given),
    )
