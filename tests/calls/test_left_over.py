"""Nothing of a command runs on: what it left behind ends with it, and it ends with those above it."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.calls.conftest import Judge
from tests.calls.server import Server

pytestmark = [pytest.mark.root]
_LEFT_OVER = (Path(__file__).parent / "scripts/left-over-processes.txt").read_text()
_WAITING = "fork -> other\n  setsid\n  sleep 3000000\nend\nsleep 3000000\n"


def test_left_over_processes_are_killed(judge: Judge, calls_layer: Path) -> None:
    folder = calls_layer.parent
    assert not judge(_LEFT_OVER)
    assert not _running(folder)


@pytest.mark.parametrize("above", ["supervisor", "keeper", "builder"])
def test_a_process_of_ours_that_is_killed_takes_the_command_along(
    above: str, ptrace: Server, calls_layer: Path
) -> None:
    folder = calls_layer.parent
    ptrace.ask(_WAITING)
    try:
        assert _until(lambda: len(_running(folder)) >= 3), "the script does not run"
        victim = _first_parent(_running(folder))
        for _ in range({"supervisor": 0, "keeper": 1, "builder": 3}[above]):
            victim = _status(victim, "PPid")
        os.kill(victim, signal.SIGKILL)
        assert _until(lambda: not _running(folder)), f"still there: {_running(folder)}"
    finally:
        ptrace.close()


def _running(folder: Path) -> list[int]:
    """The processes of scripts of servers below ``folder``, in whatever namespace."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            command, environment = ((place / name).read_bytes() for name in ("cmdline", "environ"))
        except OSError:
            continue
        if command.startswith(b"/bin/calls\0") and os.fsencode(folder) in environment:
            found.append(int(place.name))
    return found


def _first_parent(processes: list[int]) -> int:
    """The parent of the first of them."""
    (found,) = {_status(process, "PPid") for process in processes} - set(processes)
    return found


def _status(process: int, field: str) -> int:
    status = Path(f"/proc/{process}/status").read_text()
    return int(status.partition(f"{field}:")[2].split()[0])


def _until(condition: Callable[[], bool], seconds: float = 5) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return condition()
