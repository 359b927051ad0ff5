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
        self._bell = bell
        self._left = ROUND
        numbers = architecture.calls
        self._handlers = {numbers[name]: item for name, item in HANDLERS.items() if name in numbers}
        self._handlers[numbers[CALL]] = _ring_or(bell, HANDLERS[CALL])
        methods = AtOnce(kernel).methods
        self._at_once = {numbers[name]: item for name, item in methods.items() if name in numbers}
        # What every call needs, found already.
        self._receive = kernel.listener.receive
        self._callers = kernel.affinity.callers
        self._redirected = kernel.redirects.pending

    def serve(self, most: int) -> int:
        """Wait for ``most`` calls and answer them; how many there were. Fewer where a caller is gone, the
        bell rings (which does not count) or a redirect begins: then there may be something else to do.
        Raises OSError, RuntimeError."""
        receive, at_once, callers, redirected = self._receive, self._at_once, self._callers, self._redirected
        for served in range(most):
            received = receive()
            if received is None:
                return served
            callers.add(received[1])
            self._left -= 1
            if not self._left:
                self._left = ROUND
                self._affinity.round()
            if redirected and self._is_ordered(received):
                return served + 1
            short = at_once.get(received[2])
            try:
                if short is None or not short(received):
                    self._handle(received)
                    if not self._bell.will_ring:
                        return served
                    if redirected:
                        return served + 1
            except OSError as error:
                self._kernel.listener.fail(received[0], error.errno or errno.EIO)
        return most

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
