"""Changing another thread's registers: ptrace(2), without following it any longer than that takes."""

from __future__ import annotations

import ctypes
import os

from ci_builder.executors.linux.architecture import Architecture
from ci_builder.executors.linux.calls import library

_GETEVENTMSG, _GETREGSET, _SETREGSET = 0x4201, 0x4204, 0x4205
_STEP, _DETACH, _SYSCALL, _SEIZE, _INTERRUPT = 9, 17, 24, 0x4206, 0x4207
_NT_PRSTATUS = 1
_O_TRACESYSGOOD = 1
_O_TRACEEXEC = 0x10
_O_EXITKILL = 0x100000
EVENT_EXEC = 4
IN_CALL = 0x85  # the signal of a stop at a system call
EVENT_STOP = 128

_ptrace = library().ptrace
_ptrace.restype = ctypes.c_long
_ptrace.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)


class _Vector(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


def seize(task: int) -> None:
    """Become the tracer of a thread, told of its next exec. Raises OSError."""
    _check(_ptrace(_SEIZE, task, None, _O_TRACEEXEC | _O_TRACESYSGOOD | _O_EXITKILL))


def interrupt(task: int) -> None:
    """Have a seized thread stop before it runs its program's next instruction. Raises OSError."""
    _check(_ptrace(_INTERRUPT, task, None, None))


def step(task: int) -> None:
    """Let a stopped thread do one instruction, a whole system call if it is one. It stops after it, and
    instead at its end when that is an exec. Raises OSError."""
    _check(_ptrace(_STEP, task, None, None))


def proceed_to_call(task: int, signal: int = 0) -> None:
    """Let a stopped thread run, with ``signal`` delivered, until it enters or leaves a system call. Raises
    OSError."""
    _check(_ptrace(_SYSCALL, task, None, signal or None))


def detach(task: int, signal: int = 0) -> None:
    """Let a stopped thread go. Raises OSError."""
    _check(_ptrace(_DETACH, task, None, signal or None))


def event_message(task: int) -> int:
    """What a stop tells besides its event: after an exec, the number that the thread had. Raises OSError."""
    message = ctypes.c_ulong()
    _check(_ptrace(_GETEVENTMSG, task, None, ctypes.addressof(message)))
    return message.value


class Registers:
    """The general registers of a stopped thread; ``words`` is an array of 64-bit values."""

    def __init__(self, architecture: Architecture) -> None:
        self.words = (ctypes.c_uint64 * architecture.registers)()
        self._vector = _Vector(ctypes.addressof(self.words), ctypes.sizeof(self.words))

    def replace_by(self, saved: bytes) -> None:
        """Take the words from ``saved``, as bytes(words) gave them."""
        ctypes.memmove(self.words, saved, len(saved))

    def load(self, task: int) -> None:
        """Read them. Raises OSError."""
        self._vector.length = ctypes.sizeof(self.words)
        _check(_ptrace(_GETREGSET, task, _NT_PRSTATUS, ctypes.addressof(self._vector)))

    def store(self, task: int) -> None:
        """Write them. Raises OSError."""
        self._vector.length = ctypes.sizeof(self.words)
        _check(_ptrace(_SETREGSET, task, _NT_PRSTATUS, ctypes.addressof(self._vector)))


def _check(result: int) -> None:
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error), "ptrace")
