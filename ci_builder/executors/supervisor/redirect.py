"""Having a thread make another call than the one that it waits in: for what only the thread can do.

1. The supervisor becomes the thread's tracer, asks for a stop, and answers the call with EINTR: the
   thread stops before its program sees that.
2. The registers are set so that it enters the kernel once more, with other arguments. Strings and
   arrays go below its stack, and the stack pointer below those: signal handlers that run first do not
   overwrite them.
3. The new call is notified again, recognised, and let through to the kernel.
4. At its end - or at the new program's start - the thread stops once more, gets its registers back, with
   the result, and is let go.

In between it is nobody's tracee: forks, signals and job control are the kernel's alone.
"""

from __future__ import annotations

import errno
import os
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ci_builder.executors.linux import ptrace
from ci_builder.executors.linux.architecture import Architecture
from ci_builder.executors.linux.listener import Listener
from ci_builder.executors.supervisor.call import Call, failure

_WALL = 0x40000000
_RED_ZONE = 256
_GAP = 128

Done = Callable[[int, int], None]
_RESTARTS = (-512, -513, -514, -516)  # what the kernel says to itself: a signal came, do it once more


def nothing(task: int, result: int) -> None:
    """Nothing to do after it."""


@dataclass(frozen=True, slots=True)
class Order:
    """The call to make instead: its ``name``, and some of its arguments (``values`` as numbers, ``data``
    as bytes whose address is passed, ``arrays`` as lists of strings or addresses, zero-terminated).
    ``done`` is called with task and result after it. ``waits``: it may wait long for others."""

    name: str
    values: Mapping[int, int]
    data: Mapping[int, bytes]
    arrays: Mapping[int, tuple[bytes | int, ...]]
    done: Done = nothing
    waits: bool = False


@dataclass(slots=True)
class _Pending:
    order: Order
    number: int
    first: int
    saved: tuple[int, ...]
    let_through: bool = False


class Redirects:
    """The redirects that are under way, by thread."""

    def __init__(self, architecture: Architecture, listener: Listener) -> None:
        self._architecture = architecture
        self._listener = listener
        self._registers = ptrace.Registers(architecture)
        self._pending: dict[int, _Pending] = {}

    def start(self, call: Call, order: Order) -> None:
        """Steps 1 and 2. Raises OSError before anything has changed."""
        task = call.task
        try:
            ptrace.seize(task)
        except PermissionError as error:
            # Somebody else traces it.
            raise failure(errno.EPERM) from error
        ptrace.interrupt(task)
        self._listener.fail(call.cookie, errno.EINTR)
        if not _wait_for_stop(task):
            return
        saved = self._load(task)
        try:
            first = self._set(call, order)
        except OSError as error:
            self._restore(task, saved, -(error.errno or errno.EFAULT))
            ptrace.detach(task)
            return
        self._pending[task] = _Pending(order, self._architecture.calls[order.name], first, saved)
        self._registers.store(task)
        (ptrace.proceed_to_call if order.waits else ptrace.proceed)(task)

    def recognises(self, call: Call) -> bool:
        """Step 3: whether ``call`` is one that was ordered; then it is let through."""
        pending = self._pending.get(call.task)
        if pending is None:
            return False
        if call.number != pending.number or call.arguments[0] != pending.first:
            # A signal's handler runs first and makes calls of its own.
            return False
        pending.let_through = True
        if not pending.order.waits:
            # Asked for now, while it waits for the answer: it stops right after the call.
            ptrace.interrupt(call.task)
        self._listener.let_go_on(call.cookie)
        return True

    def stopped(self, task: int, status: int) -> None:
        """Step 4, for a thread that waitpid says has stopped. Raises OSError (ESRCH) when it was killed."""
        event = status >> 16
        if event == ptrace.EVENT_EXEC:
            former = self._former(task)
            pending = self._pending.pop(former, None)
            if pending is not None:
                pending.order.done(task, 0)
            ptrace.detach(task)
            return
        pending = self._pending.get(task)
        in_call = os.WSTOPSIG(status) == ptrace.IN_CALL
        if pending is not None and pending.let_through and (in_call or event == ptrace.EVENT_STOP):
            self._finish(task, pending)
            return
        # Traced until the call's end: signals are delivered meanwhile.
        signal = 0 if event or in_call else os.WSTOPSIG(status)
        waits = pending is not None and pending.order.waits
        (ptrace.proceed_to_call if waits else ptrace.proceed)(task, signal)

    def stack(self, task: int) -> int:
        """The stack pointer of a thread that has stopped. Raises OSError."""
        self._registers.load(task)
        return self._registers.words[self._architecture.stack]

    def gone(self, task: int) -> None:
        """A thread has ended."""
        self._pending.pop(task, None)

    def _former(self, task: int) -> int:
        """The thread that made the exec: it takes its process's number."""
        return task if task in self._pending else ptrace.event_message(task)

    def _finish(self, task: int, pending: _Pending) -> None:
        self._registers.load(task)
        result = _signed(self._registers.words[self._architecture.result])
        del self._pending[task]
        pending.order.done(task, result)
        self._restore(task, pending.saved, result)
        ptrace.detach(task)

    def _load(self, task: int) -> tuple[int, ...]:
        self._registers.load(task)
        return tuple(self._registers.words)

    def _restore(self, task: int, saved: tuple[int, ...], result: int) -> None:
        words = self._registers.words
        words[:] = list(saved)
        words[self._architecture.result] = result & 0xFFFFFFFFFFFFFFFF
        if self._architecture.entered is None:
            if result in _RESTARTS:
                words[self._architecture.result] = -errno.EINTR & 0xFFFFFFFFFFFFFFFF
        elif result not in _RESTARTS:
            words[self._architecture.entered] = 0xFFFFFFFFFFFFFFFF
        self._registers.store(task)

    def _set(self, call: Call, order: Order) -> int:
        """Write what the order needs and set the registers for it; returns its first argument."""
        architecture, words = self._architecture, self._registers.words
        stack = _Stack(call, words[architecture.stack] - _RED_ZONE)
        values = dict(order.values)
        values |= {index: stack.put(data) for index, data in order.data.items()}
        values |= {index: stack.put_array(items) for index, items in order.arrays.items()}
        for index, value in values.items():
            words[architecture.arguments[index]] = value & 0xFFFFFFFFFFFFFFFF
        words[architecture.stack] = (stack.top - _GAP) & ~15
        words[architecture.counter] -= architecture.call_size
        words[architecture.number] = architecture.calls[order.name]
        if architecture.entered is not None:
            words[architecture.entered] = 0xFFFFFFFFFFFFFFFF
        return words[architecture.arguments[0]]


class _Stack:
    """Room below a thread's stack; ``top`` is the lowest address that was used."""

    def __init__(self, call: Call, top: int) -> None:
        self._call = call
        self.top = top

    def put(self, data: bytes) -> int:
        """The address of ``data``. Raises OSError (EFAULT)."""
        self.top = (self.top - len(data)) & ~15
        self._call.write(self.top, data)
        return self.top

    def put_array(self, items: tuple[bytes | int, ...]) -> int:
        """The address of a zero-terminated array of addresses."""
        addresses = [item if isinstance(item, int) else self.put(item + b"\0") for item in items]
        return self.put(struct.pack(f"={len(addresses) + 1}Q", *addresses, 0))


def _wait_for_stop(task: int) -> bool:
    """Whether it stopped; False: it was killed."""
    while True:
        _, status = os.waitpid(task, _WALL)
        if not os.WIFSTOPPED(status):
            return False
        if status >> 16 == ptrace.EVENT_STOP:
            return True
        ptrace.proceed(task, os.WSTOPSIG(status))


def _signed(value: int) -> int:
    return value - (1 << 64) if value >> 63 else value
