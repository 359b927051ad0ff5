"""ahead: order, errors and an early end, with no thread left behind."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from ci_builder.rootfs.ahead import Ahead, Put


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    before = threading.active_count()
    yield
    assert threading.active_count() == before


def test_everything_in_its_order() -> None:
    def produce(put: Put) -> None:
        for number in range(100):
            put(b"%d" % number)

    with Ahead(produce) as blocks:
        assert list(blocks) == [b"%d" % number for number in range(100)]


def test_an_error_comes_after_what_was_there_before() -> None:
    def produce(put: Put) -> None:
        put(b"first")
        raise ValueError("broken")

    with Ahead(produce) as blocks:
        assert next(blocks) == b"first"
        with pytest.raises(ValueError, match="broken"):
            next(blocks)


def test_leaving_before_the_end() -> None:
    made = []

    def produce(put: Put) -> None:
        while True:
            put(b"more")
            made.append(1)

    def leave_in_the_middle() -> None:
        with Ahead(produce) as blocks:
            next(blocks)
            raise KeyError("something else went wrong")

    with pytest.raises(KeyError):
        leave_in_the_middle()
    assert len(made) < 50


def test_never_asking() -> None:
    with Ahead(lambda put: put(b"unwanted")):
        pass
