"""Caches whose layers have the age that a test wants, written into a real registry or a folder."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

from ci_builder.cache.inputs import Key
from ci_builder.cache.record import Record
from ci_builder.cache.records import Records
from ci_builder.cache.registry import RegistryCache
from ci_builder.oci.reference import Reference
from ci_builder.progress import silent
from ci_builder.registry.client import Registry
from ci_builder.registry.credentials import load
from ci_builder.request import RegistryOptions
from tests.registry.images import AMD64, make_layer

DAY = 24 * 3600


def record(number: int, *, made: int = 0, used: int = 0, size: int = 1000) -> Record:
    """One whose layer has ``size`` random bytes; ``made`` and ``used`` are days ago."""
    now = int(time.time())
    layer = make_layer(size, number)
    key = Key(f"{number:064d}")
    title = f"RUN step {number}"
    moments = (now - made * DAY - 60, now - used * DAY - 60)
    return Record((key,), layer, "app", title, "2026-01-02T03:04:05Z", *moments, (("argv", "0" * 16),))


@contextlib.contextmanager
def client(folder: Path) -> Iterator[Registry]:
    """A client of our own."""
    with Registry(load({}, ()), RegistryOptions(retries=1), {}, silent, folder) as registry:
        yield registry


def write(registry: Registry, repository: str, tag: str, *records: Record) -> None:
    """A scope of a cache."""
    RegistryCache(registry, Reference.parse(f"{repository}:{tag}"), AMD64).write(Records(records))


def read(registry: Registry, repository: str, tag: str) -> list[str]:
    """The titles of what a scope has."""
    cache = RegistryCache(registry, Reference.parse(f"{repository}:{tag}"), AMD64)
    return [record.title for record in cache.read()]
