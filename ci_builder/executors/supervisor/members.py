"""The processes of a command, wherever they are: found by their tag (context.py)."""

from __future__ import annotations

import contextlib
import os
import signal

from ci_builder.executors.supervisor.context import Contexts


def members(contexts: Contexts) -> list[int]:
    """The numbers of all processes of the command."""
    # The number of whoever called last may be another process's by now.
    contexts.forget()
    return [int(name) for name in os.listdir("/proc") if name.isdigit() and contexts.holds(int(name))]


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


_WALL = 0x40000000
