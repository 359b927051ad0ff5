"""Layers that are packed while the next command of their stage runs (issue 5, "Overlap")."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future

from ci_builder.oci.layer import Layer

_Work = tuple[Callable[[], Layer], "Future[Layer]"]


class Pending:
    """One after another, on a thread of its own, in the order in which they are given."""

    def __init__(self) -> None:
        self._waiting: queue.SimpleQueue[_Work | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._failed = threading.Event()

    def add(self, make: Callable[[], Layer], future: Future[Layer]) -> None:
        """``make`` the layer soon, for ``future``; now, where no thread can be started. After one that failed
        no other is made."""
        if self._thread is None:
            thread = threading.Thread(target=self._work, name="packing", daemon=True)
            try:
                thread.start()
            except RuntimeError:
                self._make(make, future)
                return
            self._thread = thread
        self._waiting.put((make, future))

    @property
    def failed(self) -> bool:
        """Whether one could not be made."""
        return self._failed.is_set()

    def close(self) -> None:
        """Wait for what is being made; what has not begun is given up."""
        if self._thread is None:
            return
        self._failed.set()
        self._waiting.put(None)
        self._thread.join()
        self._thread = None

    def _work(self) -> None:
        while (work := self._waiting.get()) is not None:
            self._make(*work)

    def _make(self, make: Callable[[], Layer], future: Future[Layer]) -> None:
        if self._failed.is_set():
            future.cancel()
            return
        try:
            future.set_result(make())
        except BaseException as error:
            self._failed.set()
            future.set_exception(error)
