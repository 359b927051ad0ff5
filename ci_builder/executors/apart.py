"""Doing something in a forked child that answers with a text, within a time."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
from collections.abc import Callable

from ci_builder.errors import CiBuilderError
from ci_builder.executors.linux.calls import describe
from ci_builder.values import dataclass

_CHUNK = 65536
_LENGTH = 4
_GRACE = 5.0


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether the child came to its end, what it returned (or why it failed), and how long it took."""

    ok: bool
    text: str
    seconds: float


def apart(action: Callable[[], str], seconds: float) -> Answer:
    """Do ``action`` in a child that is alone in a session of its own and prints nothing; kill it after
    ``seconds``. Nothing happens to this process, which must have one thread."""
    started = time.monotonic()
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        _act(action, write)
    os.close(write)
    said: bytes | None = None
    try:
        said = _hear(read, started + seconds)
    finally:
        os.close(read)
        status = _end(child, kill=said is None)
    taken = time.monotonic() - started
    if said is None:
        reason = f"it did not end within {seconds:.0f} s" if taken >= seconds else _died(status)
        return Answer(False, reason, taken)
    return Answer(status == 0, said.decode("utf-8", "replace"), taken)


def _hear(read: int, deadline: float) -> bytes | None:
    """The child's answer; None when it died or takes too long."""
    said = b""
    poll = select.poll()
    poll.register(read, select.POLLIN)
    # Not until the end of the pipe: processes that the child started may hold it open.
    while len(said) < _LENGTH or len(said) < _LENGTH + int.from_bytes(said[:_LENGTH], "big"):
        left = deadline - time.monotonic()
        if left <= 0 or not poll.poll(left * 1000):
            return None
        data = os.read(read, _CHUNK)
        if not data:
            return None
        said += data
    return said[_LENGTH:]


def _end(child: int, *, kill: bool) -> int:
    """The child's status. One that has answered is about to end; one that does not is killed."""
    deadline = time.monotonic() + (0 if kill else _GRACE)
    while True:
        found, status = os.waitpid(child, os.WNOHANG)
        if found:
            return status
        if time.monotonic() >= deadline:
            break
        time.sleep(0.002)
    for send in (os.killpg, os.kill):
        # Before it has a group of its own, or after.
        with contextlib.suppress(OSError):
            send(child, signal.SIGKILL)
    return os.waitpid(child, 0)[1]


def _died(status: int) -> str:
    code = os.waitstatus_to_exitcode(status)
    return f"it was killed by {signal.Signals(-code).name}" if code < 0 else f"it ended with {code}"


def _act(action: Callable[[], str], write: int) -> None:
    code, said = 1, ""
    try:
        os.setsid()
        null = os.open(os.devnull, os.O_RDWR)
        for number in (0, 1, 2):
            os.dup2(null, number)
        said = action()
        code = 0
    except OSError as error:
        said = describe(error)
    except CiBuilderError as error:
        said = str(error)
    except BaseException as error:
        said = repr(error)
    finally:
        try:
            answer = said.encode("utf-8", "replace")[: _CHUNK - _LENGTH]
            os.write(write, len(answer).to_bytes(_LENGTH, "big") + answer)
        finally:
            os._exit(code)
