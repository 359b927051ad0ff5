"""System calls answered by another process: seccomp user notification (seccomp_unotify(2))."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import struct
from collections.abc import Collection, Sequence

from ci_builder.executors.linux import numbers as n
from ci_builder.executors.linux.calls import system_call
from ci_builder.values import dataclass

_SET_MODE_FILTER = 1
_NEW_LISTENER = 8
_WAIT_KILLABLE = 32
_ALLOW = 0x7FFF0000
_NOTIFY = 0x7FC00000
_LOAD, _JUMP_IF_EQUAL, _RETURN = 0x20, 0x15, 0x06
_OFFSET_NUMBER, _OFFSET_ARCHITECTURE = 0, 4
_RECEIVE, _SEND, _IS_VALID = 0xC0502100, 0xC0182101, 0x40082102
_CONTINUE = 1
_NOTIFICATION = struct.Struct("=QIIiIQ6Q")
_ANSWER = struct.Struct("=QqiI")


Instruction = tuple[int, int, int, int]
"""Code, jumps if true and false, value: struct sock_filter (seccomp(2))."""


class _Instruction(ctypes.Structure):
    _fields_ = (
        ("code", ctypes.c_ushort),
        ("if_true", ctypes.c_ubyte),
        ("if_false", ctypes.c_ubyte),
        ("value", ctypes.c_uint32),
    )


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.POINTER(_Instruction)))


@dataclass(frozen=True, slots=True)
class Notification:
    """A system call that waits for its answer: ``task`` (its number as this process sees it), the call's
    ``number`` and its six ``arguments``."""

    cookie: int
    task: int
    number: int
    arguments: tuple[int, ...]


def program(architecture: int, notified: Collection[int]) -> list[tuple[int, int, int, int]]:
    """The filter: calls of ``notified`` are told, all others and other architectures' are allowed."""
    instructions = [
        (_LOAD, 0, 0, _OFFSET_ARCHITECTURE),
        (_JUMP_IF_EQUAL, 1, 0, architecture),
        (_RETURN, 0, 0, _ALLOW),
        (_LOAD, 0, 0, _OFFSET_NUMBER),
    ]
    for number in sorted(notified):
        instructions += [(_JUMP_IF_EQUAL, 0, 1, number), (_RETURN, 0, 0, _NOTIFY)]
    return [*instructions, (_RETURN, 0, 0, _ALLOW)]


def listen(notified: Collection[int]) -> int:
    """From now on ``notified`` calls of this thread and its descendants wait for an answer.

    Returns the descriptor to hear of them. Needs CAP_SYS_ADMIN or no_new_privs. Raises OSError.
    """
    return install(program(n.of_this_machine().audit, notified))


def install(code: Sequence[Instruction], *, wait_killable: bool = False) -> int:
    """From now on ``code`` filters the calls of this thread and its descendants; returns the descriptor to
    hear of those that it tells of. ``wait_killable``: where the kernel can (Linux 5.19), a call that was
    received is not interrupted by signals. Raises OSError."""
    flags = _NEW_LISTENER | _WAIT_KILLABLE if wait_killable else _NEW_LISTENER
    try:
        return _install(code, flags)
    except OSError as error:
        if not wait_killable or error.errno != errno.EINVAL:
            raise
        return _install(code, _NEW_LISTENER)


def restrict(code: Sequence[Instruction]) -> None:
    """From now on ``code`` filters the calls of this thread and its descendants. Raises OSError."""
    _install(code, 0)


def _install(code: Sequence[Instruction], flags: int) -> int:
    array = (_Instruction * len(code))(*(_Instruction(*item) for item in code))
    filter_program = _Program(len(code), array)
    return system_call(
        "seccomp(NEW_LISTENER)",
        n.of_this_machine().seccomp,
        _SET_MODE_FILTER,
        flags,
        ctypes.byref(filter_program),
    )


def receive(listener: int) -> Notification | None:
    """The next call, None when its task has died meanwhile. Raises OSError."""
    buffer = bytearray(_NOTIFICATION.size)
    try:
        fcntl.ioctl(listener, _RECEIVE, buffer)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.EINTR):
            return None
        raise
    cookie, task, _, number, _, _, *arguments = _NOTIFICATION.unpack(buffer)
    return Notification(cookie, task, number, tuple(arguments))


def is_waiting(listener: int, notification: Notification) -> bool:
    """Whether the task still waits: only then what was read of it belongs to it."""
    try:
        fcntl.ioctl(listener, _IS_VALID, struct.pack("=Q", notification.cookie))
    except OSError:
        return False
    return True


def let_it_go_on(listener: int, notification: Notification) -> None:
    """Let the kernel do the call. A task that has died is fine."""
    _answer(listener, _ANSWER.pack(notification.cookie, 0, 0, _CONTINUE))


def answer(listener: int, notification: Notification, error: int = 0) -> None:
    """The call returns 0, or fails with the errno ``error``. A task that has died is fine."""
    _answer(listener, _ANSWER.pack(notification.cookie, 0, -error, 0))


def _answer(listener: int, data: bytes) -> None:
    try:
        fcntl.ioctl(listener, _SEND, bytearray(data))
    except OSError as error:
        if error.errno != errno.ENOENT:
            raise
