"""Work beside a build: done by threads, or by whoever wants it where there can be none."""

from __future__ import annotations

import threading

import pytest

from ci_builder.build.background import Background


def _threads_of(actions: int) -> list[str]:
    """The names of the threads that do them."""
    done: list[str] = []
    background = Background("beside", 2)
    for _ in range(actions):
        background.begin(lambda: done.append(threading.current_thread().name))
    background.wait()
    background.rest()
    return done


def test_it_is_done_beside() -> None:
    assert _threads_of(5) == ["beside"] * 5


def test_where_no_thread_can_be_started(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    assert _threads_of(3) == [threading.current_thread().name] * 3


def test_where_there_can_be_one_more_only(monkeypatch: pytest.MonkeyPatch) -> None:
    start = threading.Thread.start
    left = [1]

    def refuse(thread: threading.Thread) -> None:
        if not left:
            raise RuntimeError("can't start new thread")
        left.pop()
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refuse)
    done: list[int] = []
    background = Background("beside", 4)
    for number in range(20):
        background.begin(lambda number=number: done.append(number))  # type: ignore[misc]
    background.wait()
    background.rest()
    assert done == list(range(20))
