"""The size of a tmpfs (RUN --mount=type=tmpfs,size=…) where a plain folder stands for it: nothing keeps a
command from writing more, so it is looked at while the command runs, and the one that does is killed."""

from __future__ import annotations

import contextlib
import os
import stat as stat_module
from collections.abc import Callable, Iterator, Sequence

from ci_builder.errors import ExecutorError
from ci_builder.executors.interface import Mount
from ci_builder.values import dataclass

_BLOCK = 512


@dataclass(frozen=True, slots=True)
class _Room:
    """A folder, open, and the bytes that there may be in it. ``others`` are folders that are no part of it,
    wherever they are to be seen."""

    place: str
    descriptor: int
    size: int
    others: frozenset[tuple[int, int]]

    def check(self) -> None:
        if _used(self.descriptor, self.others) > self.size:
            raise ExecutorError(
                f"the command wrote more than {self.size:,} bytes, its size, into the tmpfs at {self.place}",
                hint="give --mount=type=tmpfs a larger size",
            )


@contextlib.contextmanager
def rooms(mounts: Sequence[Mount]) -> Iterator[Callable[[], None] | None]:
    """Opens the folders of ``mounts`` that have a size, before they are moved anywhere. What it gives raises
    ExecutorError when there is more in one than it may hold; None when there is nothing to look at."""
    with contextlib.ExitStack() as stack:
        found = []
        folders = frozenset(map(_identity, (os.stat(mount.host) for mount in mounts)))
        for mount in mounts:
            if mount.size:
                descriptor = os.open(mount.host, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
                stack.callback(os.close, descriptor)
                others = folders - {_identity(os.fstat(descriptor))}
                found.append(_Room(mount.place, descriptor, mount.size, others))

        def check() -> None:
            for room in found:
                room.check()

        yield check if found else None


def _used(folder: int, others: frozenset[tuple[int, int]]) -> int:
    """The bytes of disk that the files in it take; what is removed or closed meanwhile counts as nothing."""
    seen: dict[int, int] = {}
    for _, below, names, descriptor in os.fwalk(".", dir_fd=folder, follow_symlinks=False):
        if _identity(os.fstat(descriptor)) in others:
            below.clear()
            continue
        for name in names:
            with contextlib.suppress(OSError):
                status = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
                if stat_module.S_ISREG(status.st_mode):
                    seen[status.st_ino] = status.st_blocks * _BLOCK
    return sum(seen.values())


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino
