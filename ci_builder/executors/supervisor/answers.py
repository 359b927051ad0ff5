"""The next call that waits is taken, and answered by whoever knows how."""

from __future__ import annotations

import errno

from ci_builder.executors.linux.architecture import Architecture
from ci_builder.executors.supervisor.affinity import ROUND
from ci_builder.executors.supervisor.at_once import AT_ONCE
from ci_builder.executors.supervisor.bell import CALL, Bell
from ci_builder.executors.supervisor.call import Call
from ci_builder.executors.supervisor.kernel import ANSWERED, Handler, Kernel
from ci_builder.executors.supervisor.table import HANDLERS


class Answers:
    """Those of one command. ``bell`` rings by a call of its own."""

    def __init__(self, kernel: Kernel, architecture: Architecture, bell: Bell) -> None:
        self._kernel = kernel
        self._affinity = kernel.affinity
        self._left = ROUND
        numbers = architecture.calls
        self._handlers = {numbers[name]: item for name, item in HANDLERS.items() if name in numbers}
        self._handlers[numbers[CALL]] = _ring_or(bell, HANDLERS[CALL])
        self._at_once = {numbers[name]: item for name, item in AT_ONCE.items() if name in numbers}

    def next(self) -> bool:
        """Wait for a call and answer it; whether there was one. Raises OSError, RuntimeError."""
        kernel = self._kernel
        received = kernel.listener.receive()
        if received is None:
            return False
        self._affinity.callers.add(received[1])
        self._left -= 1
        if not self._left:
            self._left = ROUND
            self._affinity.round()
        if kernel.redirects.pending:
            kernel.contexts.forget()
            if kernel.redirects.recognises(received[0], received[1]):
                return True
        number = received[2]
        try:
            at_once = self._at_once.get(number)
            if at_once is not None and at_once(kernel, received):
                return True
            kernel.contexts.forget()
            result = self._handlers[number](kernel, Call(received, kernel.memory))
        except OSError as error:
            kernel.listener.fail(received[0], error.errno or errno.EIO)
        else:
            if result is not ANSWERED:
                kernel.listener.answer(received[0], result)
        return True


def _ring_or(bell: Bell, handler: Handler) -> Handler:
    def handle(kernel: Kernel, call: Call) -> int | None:
        return ANSWERED if bell.is_rung_by(call) else handler(kernel, call)

    return handle
