"""Being told of traced threads that stop, or only of children that end (SA_NOCLDSTOP)."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from ci_builder.executors.linux import ptrace

_SOON = 5  # seconds


@pytest.fixture
def hearing() -> Iterator[None]:
    """SIGCHLD is blocked, and as it was afterwards."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    yield
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # which takes back what is pending
    signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _stopped_child() -> int:
    process = os.fork()
    if process == 0:
        signal.pause()
        os._exit(0)
    ptrace.seize(process)
    ptrace.interrupt(process)
    assert ptrace.stop_of(process) is not None
    return process


def _end(process: int) -> None:
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)


def _is_heard(seconds: float) -> bool:
    return signal.sigtimedwait({signal.SIGCHLD}, seconds) is not None


def test_stops_are_heard_of(hearing: None) -> None:
    ptrace.hear_of_stops(True)
    process = _stopped_child()
    assert _is_heard(_SOON)
    _end(process)


def test_ends_are_heard_of_without_stops(hearing: None) -> None:
    ptrace.hear_of_stops(False)
    process = _stopped_child()
    assert not _is_heard(0.1)
    _end(process)
    assert _is_heard(_SOON)


def test_what_is_pending_stays(hearing: None) -> None:
    ptrace.hear_of_stops(True)
    process = _stopped_child()
    ptrace.hear_of_stops(False)
    ptrace.hear_of_stops(True)
    assert _is_heard(_SOON)
    _end(process)
