"""SIGTERM and SIGINT end a build in order: what was begun is cleaned up on the way out."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from types import FrameType
from typing import NoReturn

from ci_builder.errors import Interrupted, Stopped

_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def stop_at_once() -> None:
    """From here on a signal ends the process with a message and exit code 128 + its number: right while
    nothing needs cleaning up. A signal that is ignored (nohup) stays so."""

    def handle(number: int, frame: FrameType | None) -> None:
        with contextlib.suppress(OSError):
            os.write(2, f"error: stopped by {signal.Signals(number).name}\n".encode())
        os._exit(128 + number)

    for number in _SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, handle)


def leave(code: int) -> NoReturn:
    """End the process at once, when all is written and nothing is left to be done. The interpreter would
    take its five hundred modules apart first, which takes as long as many a build."""
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.flush()
    os._exit(code)


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Within, the first signal raises Stopped in the main thread, which is Interrupted to who is outside; a
    second one ends the process at once. A signal that was ignored before (nohup) stays ignored."""
    arrived: list[int] = []
    process = os.getpid()

    def handle(number: int, frame: FrameType | None) -> None:
        if arrived or os.getpid() != process:
            os._exit(128 + number)
        arrived.append(number)
        raise Stopped(Interrupted(number, signal.Signals(number).name))

    before = {number: signal.getsignal(number) for number in _SIGNALS}
    caught = [number for number in _SIGNALS if before[number] is not signal.SIG_IGN]
    for number in caught:
        signal.signal(number, handle)
    try:
        yield
    except Stopped as stopped:
        raise stopped.error from None
    finally:
        for number in caught:
            signal.signal(number, before[number])
