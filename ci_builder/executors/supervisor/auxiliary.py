"""What a new program is told besides its arguments, put right: the auxiliary vector (getauxval(3))."""

from __future__ import annotations

import os
import struct

from ci_builder.executors.supervisor.context import Context

_UID, _EUID, _GID, _EGID, _SECURE, _NAME = 11, 12, 13, 14, 23, 31
_END = 0
_CHUNK = 4096
_MOST = 1 << 20  # bytes of pointers above the stack pointer
_PAIR = struct.Struct("=QQ")


def correct(task: int, stack: int, context: Context, name: bytes) -> None:
    """Write the pretended ids into the vector of ``task``, which stands before its program's first
    instruction with the stack pointer ``stack``; ``name`` is the path that was executed. Raises OSError."""
    user, group = context.user, context.group
    secure = user.real != user.effective or group.real != group.effective
    told = {
        _UID: user.real,
        _EUID: user.effective,
        _GID: group.real,
        _EGID: group.effective,
        _SECURE: int(secure),
    }
    memory = os.open(b"/proc/%d/mem" % task, os.O_RDWR | os.O_CLOEXEC)
    try:
        at, words = _vector(memory, stack)
        pairs = list(zip(words[::2], words[1::2], strict=False))
        os.pwrite(memory, b"".join(_PAIR.pack(kind, told.get(kind, value)) for kind, value in pairs), at)
        _rename(memory, dict(pairs).get(_NAME, 0), name)
    finally:
        os.close(memory)


def _vector(memory: int, stack: int) -> tuple[int, tuple[int, ...]]:
    """The address of the vector and its words, the end included."""
    data = b""
    while len(data) < _MOST:
        at = stack + len(data)
        part = os.pread(memory, _CHUNK - at % _CHUNK, at)
        data += part
        words = struct.unpack(f"={len(data) // 8}Q", data[: len(data) // 8 * 8])
        start = _after_environment(words)
        for index in range(start, len(words) - 1, 2):
            if words[index] == _END:
                return stack + 8 * start, words[start : index + 2]
        if not part:
            break
    raise OSError(14, os.strerror(14))


def _after_environment(words: tuple[int, ...]) -> int:
    """How many words come first: the count of arguments, these, the environment, a zero after each."""
    try:
        return words.index(0, words[0] + 2) + 1
    except ValueError:
        return len(words)


def _rename(memory: int, pointer: int, name: bytes) -> None:
    """The kernel has the path out here, in a place of just that size; a longer name stays away."""
    there = os.pread(memory, _CHUNK, pointer).split(b"\0")[0] if pointer else b""
    if len(name) <= len(there):
        os.pwrite(memory, name.ljust(len(there), b"\0"), pointer)
