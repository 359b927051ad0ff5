"""The bench of the cache's tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cache.bench import Bench, make_bench
from tests.servers import registry
from tests.servers.bases import Base


@pytest.fixture
def bench(tmp_path: Path, busybox: Base) -> Iterator[Bench]:
    """An empty registry but for the base, behind a proxy."""
    if not registry.available():
        pytest.skip("docker-registry is not installed")
    with make_bench(tmp_path, busybox) as made:
        yield made
