"""Which processor a busy caller runs on: the supervisor's.

Two processes that take turns are nearly twice as fast on one processor as on two. So while calls come
thick, their callers are bound to the supervisor's processor; a caller that has been quiet for a moment
computes, and is set free, and so is everyone when calls become rare. Programs do not see it: they are
told of all processors. A program that binds itself ends this for good.
"""

from __future__ import annotations

import contextlib
import errno
import os
import time

from ci_builder.executors.linux.calls import library
from ci_builder.executors.supervisor.call import Call, failure
from ci_builder.executors.supervisor.context import Contexts
from ci_builder.executors.supervisor.members import members

_ROUND = 64  # calls between two looks at the clock
_HOT, _COLD = _ROUND * 150e-6, _ROUND * 400e-6  # seconds for a round
_QUIET_ROUNDS = 4
PAUSE = 5  # milliseconds without a call after which everyone is set free


class Affinity:
    """See the module. ``before`` is told of every call before it is answered."""

    def __init__(self, contexts: Contexts) -> None:
        self._contexts = contexts
        self._all = os.sched_getaffinity(0)
        self._possible = len(self._all) > 1
        self._here: set[int] = set()
        self._bound: dict[int, int] = {}
        self._calls = 0
        self._since = time.monotonic()

    @property
    def is_hot(self) -> bool:
        """Whether callers are bound."""
        return bool(self._here)

    def before(self, task: int) -> None:
        """A call of ``task`` came in."""
        self._calls += 1
        if self._here:
            if task not in self._bound:
                with contextlib.suppress(OSError):
                    os.sched_setaffinity(task, self._here)
            self._bound[task] = self._calls
        if self._calls % _ROUND == 0 and self._possible:
            self._look()

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

    def _look(self) -> None:
        now = time.monotonic()
        took, self._since = now - self._since, now
        if not self._here:
            if took < _HOT:
                self._heat()
        elif took > _COLD:
            self._cool()
        else:
            self._release_quiet()

    def _heat(self) -> None:
        here = library().sched_getcpu()
        if here in self._all:
            with contextlib.suppress(OSError):
                os.sched_setaffinity(0, {here})
                self._here = {here}

    def _release_quiet(self) -> None:
        oldest = self._calls - _QUIET_ROUNDS * _ROUND
        for task in [task for task, last in self._bound.items() if last < oldest]:
            del self._bound[task]
            self._free(task)

    def _cool(self) -> None:
        self._here = set()
        self._bound.clear()
        os.sched_setaffinity(0, self._all)
        for process in members(self._contexts):
            with contextlib.suppress(OSError):
                for task in os.listdir(f"/proc/{process}/task"):
                    self._free(int(task))

    def _free(self, task: int) -> None:
        with contextlib.suppress(OSError):
            os.sched_setaffinity(task, self._all)
