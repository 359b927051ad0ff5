"""What a new program is told besides its arguments, put right: the auxiliary vector (getauxval(3))."""

from __future__ import annotations

import errno
import os
import struct

from ci_builder.executors.linux.memory import Memory
from ci_builder.executors.supervisor.call import failure
from ci_builder.executors.supervisor.context import Context
from ci_builder.executors.supervisor.room import Room, keep_room

_NAME = struct.pack("=Q", 31)
_IDS = struct.Struct("=10Q")  # AT_UID, AT_EUID, AT_GID, AT_EGID, AT_SECURE: one after another in every Linux
_CHUNK = 1024
_LONGEST = 16 * 24
_MOST = 1 << 21  # bytes of pointers above the stack pointer


def _ids(uid: int, euid: int, gid: int, egid: int, *, capable: bool = False) -> bytes:
    """``capable``: the program got capabilities from its file."""
    return _IDS.pack(11, uid, 12, euid, 13, gid, 14, egid, 23, capable or uid != euid or gid != egid)


class Vectors:
    """Those of the programs that this process's user executes; ``memory`` is where they are."""

    def __init__(self, memory: Memory[Context]) -> None:
        self._memory = memory
        self._real = _ids(os.getuid(), os.geteuid(), os.getgid(), os.getegid())

    def correct(self, where: tuple[int, int], context: Context, path: tuple[bytes, int]) -> None:
        """Write the pretended ids into the vector of a thread that stands before its program's first
        instruction; ``where`` is the thread and its stack pointer. ``path``: what was executed,
        as the command knows it, and the length of what the kernel got instead; what that leaves is the room
        of the process. Raises OSError when it was killed."""
        task, stack = where
        start, vector = self._find(task, stack)
        user, group = context.user, context.group
        capable = user.real != 0 and context.permitted != 0
        ids = _ids(user.real, user.effective, group.real, group.effective, capable=capable)
        self._memory.write(task, start, ids)
        name, given = path
        pointer = _name_pointer(vector)
        room = None
        if pointer and len(name) <= given:
            self._memory.write(task, pointer, name + b"\0")
            room = Room(pointer + len(name) + 1, given - len(name))
        keep_room(task, room)

    def _find(self, task: int, stack: int) -> tuple[int, bytes]:
        """The address of the ids, and what is there from them to the vector's end."""
        data = b""
        while len(data) < _MOST:
            part = self._read(task, stack + len(data))
            data += part
            # Only pointers and zeros come before.
            start = data.find(self._real)
            # The rest is 20 pairs long at most; fewer bytes than that are the end of the stack.
            if start >= 0 and (len(data) - start >= _LONGEST or len(part) < _CHUNK):
                return stack + start, data[start : start + _LONGEST]
            if not part:
                break
        raise RuntimeError("a program was started without the ids of its user")

    def _read(self, task: int, address: int) -> bytes:
        """Less than a chunk where the stack ends. Raises OSError when the thread was killed."""
        try:
            part = self._memory.read(task, address, _CHUNK)
        except OSError as error:
            if error.errno not in (errno.EIO, errno.EFAULT):
                raise
            return b""
        if not part:
            raise failure(errno.ESRCH)
        return part


def _name_pointer(vector: bytes) -> int:
    at = vector.find(_NAME)
    while at >= 0 and at % 16:  # a value that looks like it
        at = vector.find(_NAME, at + 1)
    return int.from_bytes(vector[at + 8 : at + 16], "little") if at >= 0 else 0
