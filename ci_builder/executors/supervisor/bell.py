"""What wakes a supervisor that waits for calls alone.

Waiting for calls and for everything else at once (poll(2)) takes a fifth of an answer's time. So while calls
come thick, the supervisor waits in the reception of calls, which nothing but a call ends. Those come from a
process under the same filter, the bell: when nothing else was to be done for a while, or when the command has
ended, it makes a call that only it can make, whose answer it gets when it is to ring once more.

It is no process of the command (context.py), of no group and session of it, has no descriptors but one to see
the command's end, and cannot be looked into. Without it everything goes on, a little slower.
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
from typing import NoReturn

from ci_builder.executors.linux.architecture import Architecture
from ci_builder.executors.linux.calls import close_from, quick_library
from ci_builder.executors.linux.listener import Listener
from ci_builder.executors.supervisor.call import Call

CALL = "getuid"
"""It has no arguments; the bell's has one."""
_CLONE_PARENT = 0x8000


def hang(architecture: Architecture, key: int, pause: int) -> None:
    """Make the bell of this process, the command's, which is under its filter now. ``key`` (64 bits) is what
    nobody else knows, ``pause`` the milliseconds until it rings."""
    command = os.getpid()
    # A child of the supervisor: the command would be told of one of its own.
    made = quick_library().syscall(architecture.calls["clone"], _CLONE_PARENT | signal.SIGCHLD, 0, 0, 0, 0)
    if made == 0:
        _ring(architecture.calls[CALL], key, (command, pause))


def _ring(number: int, key: int, when: tuple[int, int]) -> NoReturn:
    command, pause = when
    try:
        os.setsid()
        ended = os.pidfd_open(command)
        close_from(0, frozenset({ended}))
        poll = select.poll()
        poll.register(ended, select.POLLIN)
        while quick_library().syscall(ctypes.c_long(number), ctypes.c_ulong(key)) >= 0:
            poll.poll(pause)
    finally:
        # The supervisor is gone, or this kernel has no such descriptors.
        os._exit(0)


class Bell:
    """The supervisor's side of it."""

    def __init__(self, listener: Listener, key: int) -> None:
        self._listener = listener
        self._key = key
        self._cookie: int | None = None
        self._task = -1
        self.will_ring = False

    def is_rung_by(self, call: Call) -> bool:
        """Whether it is the bell's call, and not somebody's who asks for a user."""
        if call.arguments[0] != self._key:
            return False
        self._cookie, self._task, self.will_ring = call.cookie, call.task, False
        return True

    def wind(self) -> bool:
        """Have it ring after its pause; whether it will."""
        if self._cookie is not None:
            self._listener.answer(self._cookie, 0)
            self._cookie, self.will_ring = None, True
        return self.will_ring

    def gone(self, task: int) -> None:
        """A process has ended."""
        if task == self._task:
            self._cookie, self.will_ring = None, False
