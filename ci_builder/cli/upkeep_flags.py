"""The options of ``du`` and ``prune`` that say where to look, and the places that they mean."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Iterator
from pathlib import Path

from ci_builder import options
from ci_builder.build.mounts.folders import CacheFolders
from ci_builder.build.platforms import host_platform
from ci_builder.cache.places import FolderPlace, Place, RepositoryPlace, StorePlace
from ci_builder.cli.invocation import Invocation, data_folder, temporary_folder
from ci_builder.cli.registry_flags import add_registry_flags, registry_options
from ci_builder.errors import UsageError
from ci_builder.executors.own_ids import own_subordinate_ids
from ci_builder.executors.private_folder import passing_folder
from ci_builder.oci.reference import Reference
from ci_builder.progress import Event, Notice, Progress
from ci_builder.registry.client import Registry
from ci_builder.registry.credentials import load
from ci_builder.request import CachePlace, Request
from ci_builder.settings import FILE, read_settings

IMAGES, MOUNTS = "images", "cache-mounts"
_KNOWN = {"registry": {"ref"}, "local": {"src", "dest", "tag"}}


def add_place_flags(parser: argparse.ArgumentParser) -> None:
    """Where to look, and how the answer is written."""
    group = parser.add_argument_group("where (default: this machine's image store and caches of RUN --mount)")
    group.add_argument(
        "--cache-repo",
        action="append",
        default=[],
        metavar="REPOSITORY",
        help="every cache that builds keep there (tags cache-… and mounts-…); repeatable",
    )
    group.add_argument(
        "--cache",
        action="append",
        default=[],
        metavar="PLACE",
        help="one cache: type=registry,ref=NAME, or a folder: type=local,src=FOLDER[,tag=NAME]; repeatable",
    )
    group.add_argument("--only", choices=(IMAGES, MOUNTS), default="", help="of this machine's, only those")
    parser.add_argument(
        "--format",
        choices=("text", "json"),
        default="text",
        help="how the answer on standard output is written (default: %(default)s)",
    )
    add_registry_flags(parser)


@contextlib.contextmanager
def places(arguments: argparse.Namespace, invocation: Invocation) -> Iterator[tuple[Place, ...]]:
    """What the arguments name. Raises UsageError, InvalidValue."""

    def say(event: Event) -> None:
        if isinstance(event, Notice) and event.level != "debug":
            invocation.say(f"{event.level}: {event.text}")

    if not arguments.cache_repo and not arguments.cache:
        home = data_folder(invocation.environment)  # with the ids of before, of which one may be its name
        own_subordinate_ids()
        yield tuple(_local(arguments.only, home, say))
        return
    if arguments.only:
        raise UsageError("--only is for what this machine keeps, not for --cache-repo and --cache")
    environment = invocation.environment
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(passing_folder(temporary_folder(environment), "ci-builder-"))
        credentials = load(environment, ())
        asked = Request(registry=registry_options(arguments))
        options_given = read_settings(Path(FILE)).under(asked).registry
        registry = stack.enter_context(Registry(credentials, options_given, environment, say, Path(folder)))
        found: list[Place] = []
        for text in arguments.cache_repo:
            repository = Reference.parse(options.repository(text, "--cache-repo"))
            found.append(RepositoryPlace(registry, repository, True, say))
        for place in options.cache_places(arguments.cache, "--cache"):
            found.append(_named(place, registry, say))
        yield tuple(found)


def _local(only: str, data: Path, progress: Progress) -> Iterator[Place]:
    if only != MOUNTS:
        yield StorePlace(data / "store")
    if only != IMAGES:
        yield CacheFolders(data / "cache-mounts", progress)


def _named(place: CachePlace, registry: Registry, progress: Progress) -> Place:
    given = dict(place.attributes)
    known = _KNOWN.get(place.type)
    if known is None:
        raise UsageError(f"--cache: there is no type {place.type!r}", hint="there are: registry, local")
    for name in given:
        if name not in known:
            raise UsageError(f"--cache type={place.type}: unknown attribute {name!r}")
    wanted = "ref" if place.type == "registry" else "src"
    value = given.get(wanted) or given.get("dest", "")
    if not value:
        raise UsageError(f"--cache type={place.type}: {wanted}=… is missing")
    if place.type == "registry":
        return RepositoryPlace(registry, Reference.parse(value), False, progress)
    return FolderPlace(Path(value), host_platform(), given.get("tag", ""))
