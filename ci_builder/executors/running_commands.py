"""The commands that a workspace runs at the moment, and their end before their time."""

from __future__ import annotations

import threading
from collections.abc import Callable

from ci_builder.executors.launcher import Ended, Running


class RunningCommands:
    """Thread-safe."""

    def __init__(self) -> None:
        self._running: set[Running] = set()
        self._lock = threading.Lock()

    def end_of(
        self, running: Running, output: Callable[[bytes], None], check: Callable[[], None] | None = None
    ) -> Ended:
        """``running.wait``, while ``stop`` stops the command too. Raises OutOfTime, ExecutorError."""
        with self._lock:
            self._running.add(running)
        try:
            return running.wait(output, check)
        finally:
            with self._lock:
                self._running.discard(running)

    def stop(self) -> None:
        """Kill all, and wait for their end. From any thread."""
        with self._lock:
            running = list(self._running)
        for one in running:
            one.stop()
