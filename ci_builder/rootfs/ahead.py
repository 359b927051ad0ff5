"""Blocks of bytes made in a thread of its own, a few ahead of the one that wants them."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from types import TracebackType

_DEPTH = 8

Put = Callable[[bytes], None]


class _Stopped(Exception):
    """Nobody wants more blocks."""


class Ahead:
    """``with Ahead(produce) as blocks``: ``produce(put)`` runs in a thread, ``blocks`` iterates over what
    it puts. Its exceptions are raised by the iteration; leaving the context ends the thread at its
    next block."""

    def __init__(self, produce: Callable[[Put], None]) -> None:
        self._produce = produce
        self._ready: queue.Queue[bytes | BaseException | None] = queue.Queue(_DEPTH)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="blocks", daemon=True)

    def __enter__(self) -> Iterator[bytes]:
        self._thread.start()
        return self._wanted()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped.set()
        while self._thread.is_alive():
            while not self._ready.empty():
                self._ready.get_nowait()
            self._thread.join(0.01)

    def _wanted(self) -> Iterator[bytes]:
        while (item := self._ready.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item

    def _put(self, block: bytes) -> None:
        if self._stopped.is_set():
            raise _Stopped
        self._ready.put(block)

    def _run(self) -> None:
        last: BaseException | None = None
        try:
            self._produce(self._put)
        except _Stopped:
            return
        except BaseException as error:
            last = error
        self._ready.put(last)
