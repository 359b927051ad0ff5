"""One system call that waits for its answer, and the memory of the thread that made it."""

from __future__ import annotations

import errno
import os

from ci_builder.executors.linux.listener import Received

_PAGE = 4096
PATH_MAX = 4096


def failure(error: int) -> OSError:
    """The exception that makes a call fail with the errno ``error``."""
    return OSError(error, os.strerror(error))


class Memory:
    """The memory of the thread that was looked into last: most calls come from the same one as the call
    before. A thread's memory is another one after an exec, and its number may be another's later on:
    ``forget`` is called at every exec, and the next thread takes this one's place."""

    __slots__ = ("_descriptor", "_task")

    def __init__(self) -> None:
        self._task = -1
        self._descriptor = -1

    def of(self, task: int) -> int:
        """A descriptor to read and write it. Raises OSError."""
        if task != self._task:
            self.forget()
            self._descriptor = os.open(b"/proc/%d/mem" % task, os.O_RDWR | os.O_CLOEXEC)
            self._task = task
        return self._descriptor

    def forget(self) -> None:
        """Open it anew next time."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._task = self._descriptor = -1


class Call:
    """``task`` is the thread, ``number`` the call's, ``arguments`` its six registers; ``cookie`` names it
    to the kernel; ``memory`` is where its pointers lead."""

    __slots__ = ("_memory", "arguments", "cookie", "number", "task")

    def __init__(self, received: Received, memory: Memory) -> None:
        self.cookie, self.task, self.number, self.arguments = received
        self._memory = memory

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
            written = os.pwrite(self._memory.of(self.task), data, pointer)
        except (OSError, OverflowError) as error:
            raise failure(errno.EFAULT) from error
        if written != len(data):
            raise failure(errno.EFAULT)

    def _read(self, pointer: int, size: int) -> bytes:
        try:
            return os.pread(self._memory.of(self.task), size, pointer)
        except (OSError, OverflowError) as error:
            raise failure(errno.EFAULT) from error
