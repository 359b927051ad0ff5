"""Looking into another process: its memory, its umask, its number (proc(5))."""

from __future__ import annotations

import contextlib
import os

_PAGE = 4096


def signed(value: int) -> int:
    """A 32-bit argument of a system call as the int that it was."""
    value &= 0xFFFFFFFF
    return value - (1 << 32) if value >> 31 else value


def read_text(task: int, pointer: int) -> str:
    """A zero-terminated string of another process, at most PATH_MAX long."""
    data = b""
    with open(f"/proc/{task}/mem", "rb", buffering=0) as memory:
        memory.seek(pointer)
        while b"\0" not in data:
            part = memory.read(_PAGE - (pointer + len(data)) % _PAGE)
            if not part or len(data) > _PAGE:
                raise OSError(36, "File name too long")
            data += part
    return os.fsdecode(data.partition(b"\0")[0])


def write_bytes(task: int, pointer: int, data: bytes) -> None:
    """Put ``data`` into another process's memory. Raises OSError."""
    with open(f"/proc/{task}/mem", "r+b", buffering=0) as memory:
        memory.seek(pointer)
        memory.write(data)


def umask_of(task: int) -> int:
    """Its file mode creation mask. Raises OSError."""
    with open(f"/proc/{task}/status", encoding="utf-8", errors="replace") as status:
        for line in status:
            if line.startswith("Umask:"):
                return int(line.split()[1], 8)
    return 0o022


class Numbering:
    """The numbers of tasks in this /proc, which may belong to an outer process namespace."""

    def __init__(self) -> None:
        self._same = os.readlink("/proc/self") == str(os.getpid())
        self._known: dict[int, int] = {}

    def here(self, task: int) -> int:
        """The name in /proc of the task with the number ``task`` in this process's namespace.
        Raises ProcessLookupError."""
        if self._same:
            return task
        known = self._known.get(task)
        if known is not None and _inner_numbers(str(known))[-1:] == [task] and _same_namespace(str(known)):
            return known
        self._known[task] = _search(task)
        return self._known[task]


def _search(task: int) -> int:
    mine = [name for name in os.listdir("/proc") if name.isdigit() and _same_namespace(name)]
    for name in mine:
        if _inner_numbers(name)[-1:] == [task]:
            return int(name)
    # Not the first thread of its process.
    for name in mine:
        for thread in _threads(name):
            if _inner_numbers(f"{name}/task/{thread}")[-1:] == [task]:
                return int(thread)
    raise ProcessLookupError(3, "it has ended")


def _inner_numbers(name: str) -> list[int]:
    with (
        contextlib.suppress(OSError),
        open(f"/proc/{name}/status", encoding="utf-8", errors="replace") as file,
    ):
        for line in file:
            if line.startswith("NSpid:"):
                return [int(item) for item in line.split()[1:]]
    return []


def _same_namespace(name: str) -> bool:
    with contextlib.suppress(OSError):
        return os.readlink(f"/proc/{name}/ns/pid") == os.readlink("/proc/self/ns/pid")
    return False


def _threads(name: str) -> list[str]:
    with contextlib.suppress(OSError):
        return os.listdir(f"/proc/{name}/task")
    return []
