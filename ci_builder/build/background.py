"""Work beside a build: on a few threads, which never keep the program from ending."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable


class Background:
    """``at_once``: how many actions at the same time. An action tells its own failures. Thread-safe."""

    def __init__(self, name: str, at_once: int) -> None:
        self._name = name
        self._at_once = at_once
        self._waiting: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._changed = threading.Condition()
        self._open = 0
        self._threads = 0

    def begin(self, action: Callable[[], None]) -> None:
        """Do it soon; now, where no thread can be started and there is none."""
        self._waiting.put(action)
        with self._changed:
            self._open += 1
            wanted = self._threads < min(self._open, self._at_once)
            if not wanted or self._is_started() or self._threads:
                return
        # Whoever could start one meanwhile may have it done already.
        with contextlib.suppress(queue.Empty):
            waiting = self._waiting.get_nowait()
            if waiting is not None:
                self._do(waiting)

    def _is_started(self) -> bool:
        try:
            threading.Thread(target=self._work, name=self._name, daemon=True).start()
        except RuntimeError:
            return False  # no more processes, or no more memory
        self._threads += 1
        return True

    def wait(self) -> None:
        """Until all that was begun is done."""
        with self._changed:
            self._changed.wait_for(lambda: self._open == 0)

    def rest(self) -> None:
        """No thread stays when what was begun is done."""
        with self._changed:
            threads, self._threads = self._threads, 0
        for _ in range(threads):
            self._waiting.put(None)

    def _work(self) -> None:
        while (action := self._waiting.get()) is not None:
            self._do(action)

    def _do(self, action: Callable[[], None]) -> None:
        try:
            action()
        finally:
            with self._changed:
                self._open -= 1
                self._changed.notify_all()
