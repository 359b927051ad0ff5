"""The processes of a command, wherever they are: found by their tag (context.py)."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator

from ci_builder.executors.supervisor.context import Contexts

_WALL = 0x40000000
_CHILDREN = "/proc/%d/task/%d/children"


def members(contexts: Contexts) -> list[int]:
    """The numbers of all processes of the command."""
    # The number of whoever called last may be another process's by now.
    contexts.forget()
    return [int(name) for name in os.listdir("/proc") if name.isdigit() and contexts.holds(int(name))]


def threads(contexts: Contexts) -> Iterator[int]:
    """The numbers of all threads of the command. Of what starts or ends meanwhile some may be missing."""
    top = os.getpid()
    if not os.path.exists(_CHILDREN % (top, top)):
        # A kernel without CONFIG_PROC_CHILDREN.
        for process in members(contexts):
            yield from _threads(process)
        return
    # All of them descend from this process, which inherits what has lost its parent. The list of all
    # processes is many times as long where there is no process namespace.
    contexts.forget()
    left = [top]
    while left:
        process = left.pop()
        is_member = contexts.holds(process)
        for task in _threads(process):
            if is_member:
                yield task
            with contextlib.suppress(OSError), open(_CHILDREN % (process, task), "rb") as file:
                left += map(int, file.read().split())


def _threads(process: int) -> Iterator[int]:
    with contextlib.suppress(OSError):
        yield from map(int, os.listdir(f"/proc/{process}/task"))


def kill_all(contexts: Contexts) -> None:
    """Kill every process of the command and reap those that are this process's children."""
    while True:
        left = members(contexts)
        for process in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        if not left:
            return
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG | _WALL)[0]:
                pass
