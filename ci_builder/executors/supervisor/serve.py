"""The loop of the supervisor: calls are answered, stopped threads are seen to, until the command ends."""

from __future__ import annotations

import os
import select
import signal

from ci_builder.executors.linux import numbers as n
from ci_builder.executors.linux.calls import prctl, signal_descriptor
from ci_builder.executors.supervisor.affinity import PAUSE
from ci_builder.executors.supervisor.answers import Answers
from ci_builder.executors.supervisor.bell import Bell
from ci_builder.executors.supervisor.kernel import Kernel
from ci_builder.executors.supervisor.members import kill_all
from ci_builder.values import dataclass

_WALL = 0x40000000
_MANY = 256  # calls between two looks at everything else
_TOLD = 128  # sizeof(struct signalfd_siginfo)


class Wake:
    """A descriptor that is readable after a child's change of state, and when this process's parent has
    ended (signalfd(2))."""

    def __init__(self) -> None:
        signals = {signal.SIGCHLD, signal.SIGTERM}
        signal.pthread_sigmask(signal.SIG_BLOCK, signals)
        self.descriptor = signal_descriptor(signals)
        prctl("PR_SET_PDEATHSIG", n.PR_SET_PDEATHSIG, signal.SIGTERM)

    def must_stop(self) -> bool:
        """Take what is there to read; whether the parent has ended."""
        told = os.read(self.descriptor, _TOLD * 32)
        return any(
            int.from_bytes(told[at : at + 4], "little") == signal.SIGTERM for at in range(0, len(told), _TOLD)
        )


@dataclass(slots=True)
class Supervision:
    """``command`` is the first process; ``parent`` a descriptor whose hang-up means to stop at once."""

    kernel: Kernel
    answers: Answers
    command: int
    parent: int
    wake: Wake
    bell: Bell

    def run(self) -> int:
        """Serve until the command has ended; its wait status. What it left running is killed."""
        try:
            return self._loop()
        finally:
            kill_all(self.kernel.contexts)

    def _loop(self) -> int:
        listener = self.kernel.listener.descriptor
        poll = select.poll()
        for descriptor in (listener, self.wake.descriptor):
            poll.register(descriptor, select.POLLIN)
        poll.register(self.parent, select.POLLRDHUP)
        while True:
            ready = self._wait(poll)
            for descriptor, event in ready:
                if descriptor == listener:
                    if event & select.POLLIN:
                        self.answers.serve(1)
                    else:
                        poll.unregister(listener)
                elif descriptor == self.parent:
                    return signal.SIGKILL
                else:
                    if self.wake.must_stop():
                        return signal.SIGKILL
                    ended = self._reap()
                    if ended is not None:
                        return ended

    def _wait(self, poll: select.poll) -> list[tuple[int, int]]:
        """The descriptors that something has come from. Calls that come thick are answered meanwhile."""
        affinity = self.kernel.affinity
        if affinity.is_hot and not self.kernel.redirects.pending and self.bell.wind():
            if not self.answers.serve(_MANY):
                affinity.pause()
            return poll.poll(0)
        ready = poll.poll(PAUSE if affinity.is_hot else None)
        if not ready:
            affinity.pause()
        return ready

    def _reap(self) -> int | None:
        """See to every child and traced thread that has changed; the command's wait status at its end."""
        ended = None
        others = self.kernel.redirects.others
        while True:
            while others:
                task, status = others.pop()
                self.bell.gone(task)
                if task == self.command:
                    ended = status
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
            self.bell.gone(task)
            if task == self.command:
                ended = status
