"""The supervisor's end of a seccomp filter that tells of system calls (seccomp_unotify(2))."""

from __future__ import annotations

import ctypes
import errno
import os
import struct
import time
from fcntl import ioctl

from ci_builder.executors.linux.calls import quick_library

_RECEIVE, _SEND, _ADD_DESCRIPTOR, _SET_FLAGS = 0xC0502100, 0xC0182101, 0x40182103, 0x40082104
_SYNCHRONOUS = 1  # SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP
_CONTINUE = 1
_ADD_AND_SEND = 2
_CLOSE_ON_EXEC = os.O_CLOEXEC
_LOOKS, _PAUSE = 20, 1e-3
_EXITING, _KILLED = 0x4, 1 << 8  # PF_EXITING; SIGKILL in a set of signals (proc_pid_stat(5))
_NOTIFICATION = struct.Struct("=QI4xi12x6Q")
_SIZE = _NOTIFICATION.size
_ANSWER = struct.Struct("=QqiI")
_ADDED = struct.Struct("=QIIII")
_ioctl = quick_library().ioctl

Received = tuple[int, int, int, int, int, int, int, int, int]
"""Cookie, thread and number of a call, and its six arguments."""


class Listener:
    """``descriptor`` is what the filter's installation returned. A thread that has died meanwhile is no
    error for any of these: its call simply has no end."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        # Linux 6.6: caller and supervisor take turns on one processor instead of waking up another.
        _ioctl(descriptor, _SET_FLAGS, ctypes.c_ulong(_SYNCHRONOUS))
        self._adds_and_sends = True

    def receive(self) -> Received | None:
        """Cookie, thread, number and arguments of the next call; None: its thread is gone. Raises OSError."""
        buffer = bytearray(_SIZE)
        try:
            ioctl(self.descriptor, _RECEIVE, buffer)
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.EINTR):
                return None
            raise
        received: Received = _NOTIFICATION.unpack(buffer)
        return received

    def answer(self, cookie: int, value: int) -> None:
        """The call returns ``value``; a negative one is the errno that it fails with."""
        if value < 0:
            self.fail(cookie, -value)
        else:
            _ioctl(self.descriptor, _SEND, _ANSWER.pack(cookie, value, 0, 0))

    def fail(self, cookie: int, error: int) -> None:
        """The call fails with the errno ``error``."""
        _ioctl(self.descriptor, _SEND, _ANSWER.pack(cookie, 0, -error, 0))

    def let_go_on(self, cookie: int) -> None:
        """The kernel does the call."""
        _ioctl(self.descriptor, _SEND, _ANSWER.pack(cookie, 0, 0, _CONTINUE))

    def install(self, cookie: int, descriptor: int, close_on_exec: bool) -> int | None:
        """The caller gets a copy of ``descriptor`` and waits on; its number there, None: it was killed.
        Raises OSError (EMFILE)."""
        flags = _CLOSE_ON_EXEC if close_on_exec else 0
        data = _ADDED.pack(cookie, 0, descriptor, 0, flags)
        while (number := _ioctl(self.descriptor, _ADD_DESCRIPTOR, data)) < 0:
            error = ctypes.get_errno()
            if error == errno.ENOENT:
                return None
            if error != errno.EINTR:
                raise OSError(error, os.strerror(error))
        return int(number)

    def give(self, call: tuple[int, int], descriptor: int, close_on_exec: bool) -> None:
        """The call (cookie and thread) returns a copy of ``descriptor``. Raises OSError (EMFILE), and
        RuntimeError where it returned something else, because this process was stopped in that moment."""
        cookie, task = call
        flags = _CLOSE_ON_EXEC if close_on_exec else 0
        if self._adds_and_sends:
            data = _ADDED.pack(cookie, _ADD_AND_SEND, descriptor, 0, flags)
            if _ioctl(self.descriptor, _ADD_DESCRIPTOR, data) >= 0:
                return
            error = ctypes.get_errno()
            if error in (errno.ENOENT, errno.EINPROGRESS):
                _need_ending(task)
                return
            if error != errno.EINVAL:
                raise OSError(error, os.strerror(error))
            self._adds_and_sends = False  # before Linux 5.14
        number = self.install(cookie, descriptor, close_on_exec)
        if number is not None:
            self.answer(cookie, number)


def _need_ending(task: int) -> None:
    """A thread that no longer waits for its answer must be about to end. If it is not, then this process was
    frozen or stopped while the kernel handed the descriptor over: Linux (to 6.18 at least) answers the call
    with 0 then, without a descriptor, and begins the ioctl anew."""
    for _ in range(_LOOKS):
        if _is_ending(task):
            return
        time.sleep(_PAUSE)
    raise RuntimeError(
        "this process was paused (by a frozen cgroup, SIGSTOP or a debugger) in the moment that it opened a "
        "file for the command; do not pause a build"
    )


def _is_ending(task: int) -> bool:
    try:
        with open(f"/proc/{task}/stat", "rb") as file:
            state, *fields = file.read().rpartition(b") ")[2].split()
    except OSError:
        return True
    return state in (b"Z", b"X") or bool(int(fields[5]) & _EXITING) or bool(int(fields[27]) & _KILLED)
