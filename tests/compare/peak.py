"""How much memory a build takes: the builder and the processes that it forks, not the commands of RUN."""

from __future__ import annotations

import contextlib
import os
import threading
from types import TracebackType

_PAUSE = 0.02  # seconds; what a process takes in its last ones alone is not seen


class Peak:
    """``with Peak(marker) as peak``: afterwards ``peak.largest`` is the peak of resident memory, in bytes, of
    the largest process whose command line has ``marker`` in one of its arguments.

    A forked process has its parent's command line until it executes a program. The kernel knows the peak of
    each program from its start (VmHWM of proc(5); what wait4(2) says has that of its parent in it).
    """

    def __init__(self, marker: str) -> None:
        self._marker = os.fsencode(marker)
        self._peaks: dict[int, int] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="peak", daemon=True)

    def __enter__(self) -> Peak:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    @property
    def largest(self) -> int:
        """In bytes."""
        return max(self._peaks.values(), default=0)

    def _watch(self) -> None:
        while not self._ended.wait(_PAUSE):
            for name in filter(str.isdigit, os.listdir("/proc")):
                with contextlib.suppress(OSError):
                    self._look(int(name))

    def _look(self, process: int) -> None:
        if process == os.getpid():
            return
        with open(f"/proc/{process}/cmdline", "rb") as file:
            if self._marker not in file.read():
                return
        with open(f"/proc/{process}/status", "rb") as file:
            for line in file:
                if line.startswith(b"VmHWM:"):
                    self._peaks[process] = max(self._peaks.get(process, 0), int(line.split()[1]) << 10)
