"""The next call that waits is taken, and answered by whoever knows how."""

from __future__ import annotations

import errno

from ci_builder.executors.linux.architecture import Architecture
from ci_builder.executors.linux.listener import Received
from ci_builder.executors.supervisor.affinity import ROUND
from ci_builder.executors.supervisor.at_once import AtOnce
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
        methods = AtOnce(kernel).methods
        self._at_once = {numbers[name]: item for name, item in methods.items() if name in numbers}
        # What every call needs, found already.
        self._receive = kernel.listener.receive
        self._called = kernel.affinity.callers.add
        self._redirected = kernel.redirects.pending

    def next(self) -> bool:
        """Wait for a call and answer it; whether there was one. Raises OSError, RuntimeError."""
        received = self._receive()
        if received is None:
            return False
        self._called(received[1])
        self._left -= 1
        if not self._left:
            self._left = ROUND
            self._affinity.round()
        if self._redirected and self._is_ordered(received):
            return True
        at_once = self._at_once.get(received[2])
        try:
            if at_once is None or not at_once(received):
                self._handle(received)
        except OSError as error:
            self._kernel.listener.fail(received[0], error.errno or errno.EIO)
        return True

    def _is_ordered(self, received: Received) -> bool:
        """Whether it was a call that a redirect makes."""
        self._kernel.contexts.forget()
        return self._kernel.redirects.recognises(received[0], received[1])

    def _handle(self, received: Received) -> None:
        """Have its handler answer a call. Raises OSError: it fails so."""
        kernel = self._kernel
        kernel.contexts.forget()
        result = self._handlers[received[2]](kernel, Call(received, kernel.memory))
        if result is not ANSWERED:
            kernel.listener.answer(received[0], result)


def _ring_or(bell: Bell, handler: Handler) -> Handler:
    def handle(kernel: Kernel, call: Call) -> int | None:
        return ANSWERED if bell.is_rung_by(call) else handler(kernel, call)

    return handle
