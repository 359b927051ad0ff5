"""A cache in a folder."""

from __future__ import annotations

from pathlib import Path

from ci_builder.cache.folder import FolderCache
from ci_builder.cache.records import Records
from ci_builder.oci.platform import Platform
from tests.unit.cache.records import NOW, record

AMD64 = Platform("linux", "amd64")


def test_what_was_not_used_for_too_long_goes_with_the_next_write(tmp_path: Path) -> None:
    cache = FolderCache(tmp_path / "cache", "main", AMD64)
    assert cache.read() == Records()
    old, fresh = record("old", used=NOW - 100), record("fresh", used=NOW - 50)
    cache.write(Records((old, fresh)))
    assert [item.identity for item in cache.read()] == [old.identity, fresh.identity]
    cache.write(Records((record("new"),)), NOW - 50)
    assert [item.identity for item in cache.read()] == [fresh.identity, record("new").identity]
    # Nothing to add, but something to forget.
    cache.write(Records(), NOW)
    assert [item.identity for item in cache.read()] == [record("new").identity]
