"""SIGTERM and SIGINT end a build in order: what was begun is cleaned up on the way out."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from types import FrameType

from ci_builder.errors import Interrupted

_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Within, the first signal raises Interrupted in the main thread; a second one ends the process at
    once. A signal that was ignored before (nohup) stays ignored."""
    arrived: list[int] = []
    process = os.getpid()

    def handle(number: int, frame: FrameType | None) -> None:
        if arrived or os.getpid() != process:
            os._exit(128 + number)
        arrived.append(number)
        raise Interrupted(number, signal.Signals(number).name)

    before = {number: signal.getsignal(number) for number in _SIGNALS}
    caught = [number for number in _SIGNALS if before[number] is not signal.SIG_IGN]
    for number in caught:
        signal.signal(number, handle)
    try:
        yield
    finally:
        for number in caught:
            signal.signal(number, before[number])
