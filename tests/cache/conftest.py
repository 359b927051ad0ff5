"""The bench of the cache's tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ci_builder.registry.client import Registry
from tests.cache.bench import Bench, make_bench
from tests.cache.held import client
from tests.servers.bases import Base
from tests.servers.registry import available


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    """A client, for putting into a registry what a build would."""
    with client(tmp_path / "blobs") as made:
        yield made


@pytest.fixture
def bench(tmp_path: Path, busybox: Base) -> Iterator[Bench]:
    """An empty registry but for the base, behind a proxy."""
    if not available():
        pytest.skip("docker-registry is not installed")
    with make_bench(tmp_path, busybox) as made:
        yield made
