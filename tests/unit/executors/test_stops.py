"""Being told of traced threads that stop, or only of children that end (SA_NOCLDSTOP)."""

from __future__ import annotations

import os
import signal
import traceback
from collections.abc import Callable

import pytest

from ci_builder.executors.linux import ptrace

_SOON = 5  # seconds


def _in_one_thread(check: Callable[[], None]) -> None:
    """In a process of its own, where SIGCHLD is blocked: in this one another thread might take the signal."""
    process = os.fork()
    if process == 0:
        code = 1
        try:
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
            check()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    assert os.waitpid(process, 0)[1] == 0, "see what it printed"


def _stopped_child() -> int:
    process = os.fork()
    if process == 0:
        signal.pause()
        os._exit(0)
    ptrace.seize(process)
    ptrace.interrupt(process)
    assert os.WIFSTOPPED(ptrace.next_status(process))
    return process


def _end(process: int) -> None:
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)


def _is_heard(seconds: float) -> bool:
    return signal.sigtimedwait({signal.SIGCHLD}, seconds) is not None


def _stops() -> None:
    ptrace.hear_of_stops(True)
    process = _stopped_child()
    assert _is_heard(_SOON)
    _end(process)


def _ends_without_stops() -> None:
    ptrace.hear_of_stops(False)
    process = _stopped_child()
    assert not _is_heard(0.1)
    _end(process)
    assert _is_heard(_SOON)


def _what_is_pending() -> None:
    ptrace.hear_of_stops(True)
    process = _stopped_child()
    ptrace.hear_of_stops(False)
    ptrace.hear_of_stops(True)
    assert _is_heard(_SOON)
    _end(process)


@pytest.mark.parametrize("check", [_stops, _ends_without_stops, _what_is_pending])
def test_what_is_heard(check: Callable[[], None]) -> None:
    _in_one_thread(check)
