"""One system call that waits for its answer, and the memory of the thread that made it."""

from __future__ import annotations

import errno
import os

from ci_builder.executors.linux.listener import Received
from ci_builder.executors.linux.memory import Memory
from ci_builder.executors.supervisor.context import Context

_PAGE = 4096
PATH_MAX = 4096


def failure(error: int) -> OSError:
    """The exception that makes a call fail with the errno ``error``."""
    return OSError(error, os.strerror(error))


class Call:
    """``task`` is the thread, ``number`` the call's, ``arguments`` its six registers; ``cookie`` names it
    to the kernel; ``memory`` is where its pointers lead."""

    __slots__ = ("_memory", "arguments", "cookie", "number", "task")

    def __init__(self, received: Received, memory: Memory[Context]) -> None:
        self._memory = memory
        self.cookie, self.task, self.number = received[:3]
        self.arguments = received[3:]

    def read(self, pointer: int, size: int) -> bytes:
        """``size`` bytes. Raises OSError (EFAULT)."""
        data = self._read(pointer, size)
        while len(data) != size:
            part = self._read(pointer + len(data), size - len(data))
            if not part:
                raise failure(errno.EFAULT)
            data += part
        return data

    def text(self, pointer: int) -> bytes:
        """A path: the bytes before the zero. Raises OSError (EFAULT, ENAMETOOLONG)."""
        # Never beyond the page: the next one may not be there.
        left = _PAGE - pointer % _PAGE
        try:
            data = self._memory.read(self.task, pointer, left if left < 256 else 256)
        except OSError as error:
            raise failure(errno.EFAULT) from error
        end = data.find(0)
        return data[:end] if end >= 0 else self._long_text(pointer, data)

    def _long_text(self, pointer: int, data: bytes) -> bytes:
        end = -1
        while end < 0:
            if len(data) >= PATH_MAX:
                raise failure(errno.ENAMETOOLONG)
            at = pointer + len(data)
            part = self._read(at, _PAGE - at % _PAGE)
            if not part:
                raise failure(errno.EFAULT)
            data += part
            end = data.find(0)
        if end >= PATH_MAX:
            raise failure(errno.ENAMETOOLONG)
        return data[:end]

    def write(self, pointer: int, data: bytes) -> None:
        """Put ``data`` there. Raises OSError (EFAULT)."""
        try:
            self._memory.write(self.task, pointer, data)
        except OSError as error:
            raise failure(errno.EFAULT) from error

    def _read(self, pointer: int, size: int) -> bytes:
        try:
            return self._memory.read(self.task, pointer, size)
        except OSError as error:
            raise failure(errno.EFAULT) from error
