"""A build that takes long writes its caches while it goes on, as it may be killed before its end."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from ci_builder.build.caching.layer_cache import LayerCache
from ci_builder.build.caching.rules import Rules
from ci_builder.build.caching.writing import Target
from ci_builder.cache.folder import FolderCache
from ci_builder.cache.interface import Cache
from ci_builder.cache.records import Records
from ci_builder.cache.registry import RegistryCache
from ci_builder.errors import RegistryError
from ci_builder.oci.reference import Reference
from ci_builder.progress import silent
from tests.cache.bench import Bench
from tests.cache.held import client, record
from tests.registry.images import AMD64
from tests.servers.breaking_proxy import Status

pytestmark = [pytest.mark.root, pytest.mark.commands]
_MINUTE = 60


class _Build:
    """Of stage 0, which nothing but stage 1, the image, needs."""

    def __init__(
        self, cache: Cache, *, everything: bool = True, may_be_fixed: bool = False, ttl: int = 0
    ) -> None:
        self.seconds = 0
        target = Target(cache, everything, may_be_fixed=may_be_fixed)
        self.cache = LayerCache((), (target,), Rules(ttl, lambda: self.seconds, frozenset({1})), silent)

    def make(self, number: int, *, after: int, stage: int = 1) -> None:
        """A layer, so many seconds after the one before."""
        self.seconds += after
        self.cache.keep(stage, record(number))
        assert not self.cache.forget_lost(RegistryError("it broke off")), "which waits for what was begun"


def test_each_minute(bench: Bench) -> None:
    with client(bench.folder / "pulled") as registry:
        cache = RegistryCache(registry, Reference.parse(f"{bench.host}/cache:main"), AMD64)
        build = _Build(cache)
        build.make(0, after=_MINUTE - 1)
        assert _titles(cache) == []
        build.make(1, after=1)
        assert _titles(cache) == ["RUN step 0", "RUN step 1"]
        build.make(2, after=_MINUTE - 1)
        assert len(_titles(cache)) == 2
        build.make(3, after=20 * _MINUTE, stage=0)
        assert len(_titles(cache)) == 4
        build.cache.finish()
        written = [seen for seen in bench.proxy.seen if seen.method == "PUT" and "/manifests/" in seen.path]
        assert len(written) == 2, "what is there is not written again"


def test_layers_of_images_only(tmp_path: Path) -> None:
    cache = FolderCache(tmp_path / "cache", "latest", AMD64)
    build = _Build(cache, everything=False)
    build.make(0, after=_MINUTE, stage=0)
    build.make(1, after=_MINUTE)
    assert _titles(cache) == ["RUN step 1"]


def test_a_tag_that_may_be_written_only_once(bench: Bench) -> None:
    """One that somebody named is written at the end; where it has been written before, earlier too."""
    with client(bench.folder / "pulled") as registry:
        cache = RegistryCache(registry, Reference.parse(f"{bench.host}/cache:main"), AMD64)
        for number, there in enumerate(([], ["RUN step 0", "RUN step 1"])):
            build = _Build(cache, may_be_fixed=True)
            build.make(number, after=_MINUTE)
            assert _titles(cache) == there
            build.cache.finish()
            assert len(_titles(cache)) == number + 1


def test_a_registry_that_fails_meanwhile(bench: Bench) -> None:
    with client(bench.folder / "pulled") as registry:
        cache = RegistryCache(registry, Reference.parse(f"{bench.host}/cache:main"), AMD64)
        build = _Build(cache, everything=False)
        bench.proxy.breaks(Status(403), "PUT", "/manifests/")
        build.make(0, after=_MINUTE)
        assert _titles(cache) == []
        build.cache.finish()
        assert _titles(cache) == ["RUN step 0"]


def _titles(cache: Cache) -> list[str]:
    return sorted(item.title for item in cache.read())


def test_nothing_is_left_out_on_the_way(tmp_path: Path) -> None:
    """What is too old by then may be what this build has found."""
    cache = FolderCache(tmp_path / "cache", "latest", AMD64)
    build = _Build(cache, ttl=_MINUTE)
    build.seconds = int(time.time())
    cache.write(Records((record(7),)))
    build.cache.use(1, record(7), ())
    build.make(0, after=2 * _MINUTE)
    assert _titles(cache) == ["RUN step 0", "RUN step 7"]
    assert cache.has(record(7).layer)
