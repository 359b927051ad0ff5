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

_A_MOMENT = 0.005
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
    second one ends the process at once. A signal that was ignored before (nohup) stays ignored.

    Where Python can raise nothing (in a finalizer, in what modules do before and after each fork) it tells
    ``sys.unraisablehook`` and goes on as if nothing were: then it is raised again a moment later."""
    arrived: list[int] = []
    process = os.getpid()

    def stop() -> Stopped:
        return Stopped(Interrupted(arrived[0], signal.Signals(arrived[0]).name))

    def handle(number: int, frame: FrameType | None) -> None:
        if arrived or os.getpid() != process:
            os._exit(128 + number)
        arrived.append(number)
        raise stop()

    def again(number: int, frame: FrameType | None) -> None:
        raise stop()

    def not_raised(what: sys.UnraisableHookArgs) -> None:
        if isinstance(what.exc_value, Stopped):
            signal.setitimer(signal.ITIMER_REAL, _A_MOMENT)
        else:
            hook(what)

    hook = sys.unraisablehook
    sys.unraisablehook = not_raised
    alarm = signal.signal(signal.SIGALRM, again)
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
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, alarm)
        sys.unraisablehook = hook
