"""One process of a test run at a time: for what all of them would make, and keep between runs."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager

from tests.servers.bases import cache_folder


@contextmanager
def alone() -> Iterator[None]:
    """Wait for the others that are here."""
    cache_folder().mkdir(parents=True, exist_ok=True)
    with (cache_folder() / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
