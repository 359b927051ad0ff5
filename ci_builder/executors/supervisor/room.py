"""Where the supervisor puts strings in a caller's memory: nowhere that the program uses.

Below the stack pointer is no such place: coroutines have small stacks, and a thread's need not be there
yet. But at a program's start the kernel puts the path that was executed at the far end of its stack, as
long as it was given; and it may be given with hundreds of slashes in front. The name that the program is
to see takes their beginning, and the rest is the supervisor's.

Where that is, goes with the process as its context does (context.py): in the soft limit RLIMIT_RSS, which
the kernel has not looked at since Linux 2.4.30 (getrlimit(2)). A program that was executed by somebody else
has none, and a path may be too long for what is left: then memory is mapped for the time of the call.
"""

from __future__ import annotations

import errno
import os
import resource
import struct
from typing import NamedTuple

RLIMIT_RSS = 5
_SIZE_BITS = 12
_LARGEST = (1 << _SIZE_BITS) - 1
USUAL = 512
"""As much room as a program gets in bytes, its name included."""
_ALIGNED = 8


class Room(NamedTuple):
    """``size`` bytes from ``address`` on. (No dataclass: two are made for each exec.)"""

    address: int
    size: int


def room_of(task: int) -> Room | None:
    """What the process of ``task`` has. Raises OSError (ESRCH)."""
    value = resource.prlimit(task, RLIMIT_RSS)[0]
    if value <= 0:
        return None
    return Room(value >> _SIZE_BITS, value & _LARGEST)


def keep_room(task: int, room: Room | None) -> None:
    """``task`` has executed a program, which has ``room``. Raises OSError (ESRCH)."""
    value = resource.RLIM_INFINITY if room is None else room.address << _SIZE_BITS | room.size
    try:
        resource.prlimit(task, RLIMIT_RSS, (value, resource.RLIM_INFINITY))
    except PermissionError:
        # Somebody has lowered the hard limit.
        _, hard = resource.prlimit(task, RLIMIT_RSS)
        resource.prlimit(task, RLIMIT_RSS, (0, hard))


class Filling:
    """What is to be written into ``room``."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self.data = bytearray()

    @property
    def left(self) -> int:
        """How many bytes there is room for."""
        return self._room.size - len(self.data)

    def put(self, data: bytes) -> int:
        """The address of ``data``. Raises OSError (ENOMEM)."""
        if len(data) > self.left:
            raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))
        address = self._room.address + len(self.data)
        self.data += data
        return address

    def put_array(self, items: tuple[bytes | int, ...]) -> int:
        """The address of a zero-terminated array of addresses. Raises OSError (ENOMEM)."""
        addresses = [item if isinstance(item, int) else self.put(item + b"\0") for item in items]
        self.data += bytes(-(self._room.address + len(self.data)) % _ALIGNED)
        return self.put(struct.pack(f"={len(addresses) + 1}Q", *addresses, 0))


def size_of_array(items: tuple[bytes | int, ...]) -> int:
    """How many bytes ``put_array`` needs at most."""
    return 8 * (len(items) + 2) + sum(len(item) + 1 for item in items if isinstance(item, bytes))
