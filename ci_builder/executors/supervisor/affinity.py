"""Which processor busy callers run on: the supervisor's.

Two processes that take turns are nearly twice as fast on one processor as on two. So while calls come
thick, or less thick but nobody computes meanwhile, all processes of the command are bound to the supervisor's
processor, and what they start inherits that. Who computes meanwhile is set free: a thread that calls
nothing and is seen running several times in a row; a shell that forks is seen so now and then. When calls
become rare everyone is. Programs do not see it: they are told of all processors. A program that binds itself
ends this for good.
"""

from __future__ import annotations

import contextlib
import errno
import os
import time

from ci_builder.executors.linux.calls import library
from ci_builder.executors.supervisor.call import Call, failure
from ci_builder.executors.supervisor.context import Contexts
from ci_builder.executors.supervisor.members import threads

ROUND = 61  # calls between two looks at the clock; a prime: no loop is seen at the same place each time
_HOT, _COLD, _WARM = ROUND * 250e-6, ROUND * 600e-6, ROUND * 1000e-6  # seconds for a round
_ENOUGH = 3  # looks in a row that see nobody compute
_SLOW = 2  # slow rounds in a row: one alone may be the machine's
_CERTAIN = 4  # looks in a row that see the same thread compute
_NOT_AGAIN = 1.0  # seconds after all were set free, since they were slower than it seemed
_LOOK_AROUND = 0.1  # seconds between two looks at everyone
PAUSE = 5  # milliseconds without a call after which everyone is set free


class Affinity:
    """See the module. Whoever answers calls puts every caller into ``callers``, and says ``round`` after each
    ROUND of calls."""

    def __init__(self, contexts: Contexts) -> None:
        self._contexts = contexts
        self._all = os.sched_getaffinity(0)
        self._possible = len(self._all) > 1
        self._here: set[int] = set()
        self.callers: set[int] = set()
        self._running: dict[int, int] = {}
        self._quiet = self._slow = 0
        self._since = self._looked_around = self._next_look = time.monotonic()

    @property
    def is_hot(self) -> bool:
        """Whether callers are bound."""
        return bool(self._here)

    def round(self) -> None:
        """So many calls came in: see how thick they come."""
        if not self._here:
            self.callers.clear()
        if not self._possible:
            return
        now = time.monotonic()
        took, self._since = now - self._since, now
        if not self._here:
            if took < _HOT or (took < _WARM and self._take_turns(now)):
                self._heat()
        elif took > _COLD:
            self._slow += 1
            if self._slow == _SLOW:
                self._cool()
                self._next_look = now + _NOT_AGAIN
        else:
            self._slow = 0
            self._look(now)

    def _look(self, now: float) -> None:
        if self._running:
            self._look_again()
        elif now - self._looked_around > _LOOK_AROUND:
            self._looked_around = now
            self._look_around()

    def pause(self) -> None:
        """No call came for a while: set everyone free."""
        if self._here:
            self._cool()

    def leave_alone(self) -> None:
        """Set everyone free for good: a program binds itself."""
        self.pause()
        self._possible = False

    def tell(self, call: Call) -> int | None:
        """sched_getaffinity(2) of a caller that may be bound; None: the kernel's word holds."""
        if not self._possible:
            return None
        _, size, pointer, *_ = call.arguments
        words = max(self._all) // 64 + 1
        if size & 0xFFFFFFFF < 8 * words or size % 8:
            raise failure(errno.EINVAL)
        mask = sum(1 << number for number in self._all)
        call.write(pointer, mask.to_bytes(8 * words, "little"))
        return 8 * words

    def _heat(self) -> None:
        here = library().sched_getcpu()
        if here not in self._all:
            return
        self._here = {here}
        self._set(0, self._here)
        for task in threads(self._contexts):
            self._set(task, self._here)

    def _take_turns(self, now: float) -> bool:
        """Whether nobody was seen to compute while a call waits, several times in a row."""
        if now < self._next_look:
            return False
        if any(_is_running(task) for task in threads(self._contexts)):
            self._quiet, self._next_look = 0, now + _LOOK_AROUND
            return False
        self._quiet += 1
        return self._quiet >= _ENOUGH

    def _look_around(self) -> None:
        """Bind who calls, for its parent may have been free, and see who may compute."""
        for task in threads(self._contexts):
            if task in self.callers:
                self._set(task, self._here)
            elif _is_running(task):
                self._running[task] = 1
        self.callers.clear()

    def _look_again(self) -> None:
        """Set free who was seen running often enough."""
        for task, seen in list(self._running.items()):
            if task in self.callers or not _is_running(task):
                del self._running[task]
            elif seen + 1 < _CERTAIN:
                self._running[task] = seen + 1
            else:
                del self._running[task]
                self._set(task, self._all)

    def _cool(self) -> None:
        self._here = set()
        self._running.clear()
        self._quiet = self._slow = 0
        self._set(0, self._all)
        for task in threads(self._contexts):
            self._set(task, self._all)

    def _set(self, task: int, processors: set[int]) -> None:
        with contextlib.suppress(OSError):
            os.sched_setaffinity(task, processors)


def _is_running(task: int) -> bool:
    try:
        with open(f"/proc/{task}/stat", "rb") as file:
            return file.read().rpartition(b") ")[2].startswith(b"R")
    except OSError:
        return False
