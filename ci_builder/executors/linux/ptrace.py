"""Changing another thread's registers: ptrace(2), without following it any longer than that takes."""

from __future__ import annotations

import ctypes
import os
import signal

from ci_builder.executors.linux.architecture import Architecture
from ci_builder.executors.linux.calls import quick_library

_GETEVENTMSG, _GETREGSET, _SETREGSET = 0x4201, 0x4204, 0x4205
_STEP, _DETACH, _SYSCALL, _SEIZE, _INTERRUPT = 9, 17, 24, 0x4206, 0x4207
_NT_PRSTATUS = 1
_O_TRACESYSGOOD = 1
_O_TRACEEXEC = 0x10
_O_EXITKILL = 0x100000
EVENT_EXEC = 4
IN_CALL = 0x85  # the signal of a stop at a system call
EVENT_STOP = 128
_NO_STOPS = 1  # SA_NOCLDSTOP
_WALL = 0x40000000

_ptrace = quick_library().ptrace


class _Action(ctypes.Structure):
    """The C library's struct sigaction."""

    _fields_ = (
        ("handler", ctypes.c_void_p),
        ("mask", ctypes.c_ubyte * 128),
        ("flags", ctypes.c_int),
        ("restorer", ctypes.c_void_p),
    )


class _Vector(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


def hear_of_stops(wanted: bool) -> None:
    """Whether this process gets SIGCHLD, which it has blocked, for traced threads that stop as well as for
    children that end. One that is pending stays so. Raises OSError."""
    # A handler, which will never run: without one the kernel takes back what is pending (sigaction(2)).
    handler = ctypes.cast(quick_library().abs, ctypes.c_void_p)
    action = _Action(handler, flags=0 if wanted else _NO_STOPS)
    _check(quick_library().sigaction(signal.SIGCHLD, ctypes.byref(action), None))


def seize(task: int) -> None:
    """Become the tracer of a thread, told of its next exec. Raises OSError."""
    _check(_ptrace(_SEIZE, task, None, _O_TRACEEXEC | _O_TRACESYSGOOD | _O_EXITKILL))


def interrupt(task: int) -> None:
    """Have a seized thread stop before it runs its program's next instruction. Raises OSError."""
    _check(_ptrace(_INTERRUPT, task, None, None))


def next_status(task: int) -> int:
    """The wait status of a thread once it has stopped, or was killed. Raises OSError."""
    return os.waitpid(task, _WALL)[1]


def step(task: int) -> None:
    """Let a stopped thread do one instruction, a whole system call if it is one. It stops after it, and
    instead at its end when that is an exec. Raises OSError."""
    _check(_ptrace(_STEP, task, None, None))


def proceed_to_call(task: int, number: int = 0) -> None:
    """Let a stopped thread run, with the signal ``number`` delivered, until it enters or leaves a system
    call. Raises OSError."""
    _check(_ptrace(_SYSCALL, task, None, number or None))


def detach(task: int, number: int = 0) -> None:
    """Let a stopped thread go. Raises OSError."""
    _check(_ptrace(_DETACH, task, None, number or None))


def event_message(task: int) -> int:
    """What a stop tells besides its event: after an exec, the number that the thread had. Raises OSError."""
    message = ctypes.c_ulong()
    _check(_ptrace(_GETEVENTMSG, task, None, ctypes.byref(message)))
    return message.value


class Registers:
    """The general registers of a stopped thread; ``words`` is an array of 64-bit values."""

    def __init__(self, architecture: Architecture) -> None:
        self.words = (ctypes.c_uint64 * architecture.registers)()
        self._size = ctypes.sizeof(self.words)
        self._vector = _Vector(ctypes.addressof(self.words), self._size)
        self._pointer = ctypes.byref(self._vector)

    def replace_by(self, saved: bytes) -> None:
        """Take the words from ``saved``, as bytes(words) gave them."""
        ctypes.memmove(self.words, saved, len(saved))

    def load(self, task: int) -> None:
        """Read them. Raises OSError."""
        self._vector.length = self._size
        _check(_ptrace(_GETREGSET, task, _NT_PRSTATUS, self._pointer))

    def store(self, task: int) -> None:
        """Write them. Raises OSError."""
        self._vector.length = self._size
        _check(_ptrace(_SETREGSET, task, _NT_PRSTATUS, self._pointer))


def _check(result: int) -> None:
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error), "ptrace")
