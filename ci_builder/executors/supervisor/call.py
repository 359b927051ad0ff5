"""One system call that waits for its answer, and the memory of the thread that made it."""

from __future__ import annotations

import errno
import os
from types import TracebackType

_PAGE = 4096
PATH_MAX = 4096


def failure(error: int) -> OSError:
    """The exception that makes a call fail with the errno ``error``."""
    return OSError(error, os.strerror(error))


def signed(value: int) -> int:
    """A 32-bit argument as the int that it was."""
    value &= 0xFFFFFFFF
    return value - (1 << 32) if value >> 31 else value


class Call:
    """``task`` is the thread, ``number`` the call's, ``arguments`` its six registers; ``cookie`` names it
    to the kernel. The thread's memory is opened when it is first needed."""

    __slots__ = ("_memory", "arguments", "cookie", "number", "task")

    def __init__(self, cookie: int, task: int, number: int, arguments: tuple[int, ...]) -> None:
        self.cookie = cookie
        self.task = task
        self.number = number
        self.arguments = arguments
        self._memory = -1

    def __enter__(self) -> Call:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._memory >= 0:
            os.close(self._memory)

    def read(self, pointer: int, size: int) -> bytes:
        """``size`` bytes. Raises OSError (EFAULT)."""
        data = self._read(pointer, size)
        if len(data) != size:
            raise failure(errno.EFAULT)
        return data

    def text(self, pointer: int) -> bytes:
        """A path: the bytes before the zero. Raises OSError (EFAULT, ENAMETOOLONG)."""
        # Never beyond the page: the next one may not be there.
        data = self._read(pointer, _PAGE - pointer % _PAGE if pointer % _PAGE > _PAGE - 256 else 256)
        end = data.find(0)
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
            written = os.pwrite(self._open(), data, pointer)
        except (OSError, OverflowError) as error:
            raise failure(errno.EFAULT) from error
        if written != len(data):
            raise failure(errno.EFAULT)

    def _read(self, pointer: int, size: int) -> bytes:
        try:
            return os.pread(self._open(), size, pointer)
        except (OSError, OverflowError) as error:
            raise failure(errno.EFAULT) from error

    def _open(self) -> int:
        if self._memory < 0:
            self._memory = os.open(b"/proc/%d/mem" % self.task, os.O_RDWR | os.O_CLOEXEC)
        return self._memory
