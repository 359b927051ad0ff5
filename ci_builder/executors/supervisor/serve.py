"""The loop of the supervisor: calls are answered, stopped threads are seen to, until the command ends."""

from __future__ import annotations

import errno
import os
import select
import signal
from dataclasses import dataclass

from ci_builder.executors.linux.architecture import Architecture
from ci_builder.executors.supervisor.call import Call
from ci_builder.executors.supervisor.kernel import ANSWERED, Handler, Kernel
from ci_builder.executors.supervisor.members import kill_all
from ci_builder.executors.supervisor.table import HANDLERS

_WALL = 0x40000000


class Wake:
    """A descriptor that is readable after a child's change of state."""

    def __init__(self) -> None:
        self.descriptor, write = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(write, warn_on_full_buffer=False)

    def clear(self) -> None:
        """Take what is there to read."""
        os.read(self.descriptor, 4096)


@dataclass(slots=True)
class Supervision:
    """``command`` is the first process; ``parent`` a descriptor whose hang-up means to stop at once."""

    kernel: Kernel
    architecture: Architecture
    command: int
    parent: int
    wake: Wake

    def run(self) -> int:
        """Serve until the command has ended; its wait status. What it left running is killed."""
        try:
            return self._loop()
        finally:
            kill_all(self.kernel.contexts)

    def _loop(self) -> int:
        handlers = {
            self.architecture.calls[name]: handler
            for name, handler in HANDLERS.items()
            if name in self.architecture.calls
        }
        listener = self.kernel.listener.descriptor
        poll = select.poll()
        for descriptor in (listener, self.wake.descriptor):
            poll.register(descriptor, select.POLLIN)
        poll.register(self.parent, select.POLLRDHUP)
        while True:
            for descriptor, event in poll.poll():
                if descriptor == listener:
                    if event & select.POLLIN:
                        self._serve(handlers)
                    else:
                        poll.unregister(listener)
                elif descriptor == self.parent:
                    return signal.SIGKILL
                else:
                    self.wake.clear()
                    ended = self._reap()
                    if ended is not None:
                        return ended

    def _serve(self, handlers: dict[int, Handler]) -> None:
        received = self.kernel.listener.receive()
        if received is None:
            return
        with Call(*received) as call:
            if self.kernel.redirects.recognises(call):
                return
            try:
                result = handlers[call.number](self.kernel, call)
            except OSError as error:
                self.kernel.listener.fail(call.cookie, error.errno or errno.EIO)
            else:
                if result is not ANSWERED:
                    self.kernel.listener.answer(call.cookie, result)

    def _reap(self) -> int | None:
        """See to every child and traced thread that has changed; the command's wait status at its end."""
        ended = None
        while True:
            try:
                task, status = os.waitpid(-1, os.WNOHANG | _WALL)
            except ChildProcessError:
                return ended
            if task == 0:
                return ended
            if os.WIFSTOPPED(status):
                try:
                    self.kernel.redirects.stopped(task, status)
                except ProcessLookupError:
                    self.kernel.redirects.gone(task)
                continue
            self.kernel.redirects.gone(task)
            if task == self.command:
                ended = status
