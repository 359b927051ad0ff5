"""How much memory a builder's processes have at most, and how much processor time they take."""

from __future__ import annotations

import contextlib
import os
import re
import resource
import threading
from collections.abc import Iterable
from pathlib import Path

_PAUSE = 0.03
_TICKS = os.sysconf("SC_CLK_TCK")
_PEAK = re.compile(r"VmHWM:\s+(\d+) kB")


class Watch:
    """Looks at processes and their descendants until ``end``."""

    def __init__(self, processes: Iterable[int]) -> None:
        self._first = tuple(processes)
        for process in self._first:
            # A daemon's earlier peaks are none of this build.
            with contextlib.suppress(OSError):
                Path(f"/proc/{process}/clear_refs").write_text("5")
        self._most = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def end(self) -> float:
        """The largest peak of one process in MB (10^6 bytes)."""
        self._over.set()
        self._thread.join()
        return self._most * 1024 / 1e6

    def _look(self) -> None:
        while True:
            for process in _with_descendants(self._first):
                self._most = max(self._most, _peak(process))
            if self._over.wait(_PAUSE):
                return


def processor_seconds(daemons: Iterable[int]) -> float:
    """User and system time until now of the children that have ended, and of ``daemons`` with theirs."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime + sum(map(_ticks, _with_descendants(daemons))) / _TICKS


def _ticks(process: int) -> int:
    try:
        text = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return 0
    return sum(map(int, text.rpartition(")")[2].split()[11:15]))


def _peak(process: int) -> int:
    try:
        found = _PEAK.search(Path(f"/proc/{process}/status").read_text())
    except OSError:
        return 0
    return int(found[1]) if found else 0


def _with_descendants(processes: Iterable[int]) -> set[int]:
    waiting, found = list(processes), set()
    while waiting:
        process = waiting.pop()
        if process not in found:
            found.add(process)
            with contextlib.suppress(OSError):
                for children in Path(f"/proc/{process}/task").glob("*/children"):
                    waiting += map(int, children.read_text().split())
    return found
