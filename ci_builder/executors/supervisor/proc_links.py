"""The symbolic links of /proc: they read differently for the command than for the supervisor (proc(5))."""

from __future__ import annotations

import errno
import os

from ci_builder.executors.supervisor.call import failure
from ci_builder.executors.supervisor.context import Contexts
from ci_builder.executors.supervisor.executables import Executables
from ci_builder.executors.supervisor.view import View
from ci_builder.rootfs.record import Key
from ci_builder.values import dataclass

_DELETED = b" (deleted)"


@dataclass(frozen=True, slots=True)
class ProcLink:
    """``text`` is what readlink says; ``follow`` a path that the kernel has to follow, empty: the text."""

    text: bytes
    follow: bytes = b""


class ProcLinks:
    """What the links of the command's own processes mean; others' processes are not there."""

    def __init__(self, view: View, contexts: Contexts, executables: Executables) -> None:
        self._view = view
        self._contexts = contexts
        self._executables = executables

    def of(self, task: int, place: bytes) -> ProcLink | None:
        """The link at ``place`` (below /proc), None where there is an ordinary file or link. Raises OSError
        (ENOENT) for a process that does not belong to the command."""
        parts = place.split(b"/")[2:]
        if parts == [b"self"]:
            return ProcLink(b"%d" % process_of(task))
        if parts == [b"thread-self"]:
            return ProcLink(b"%d/task/%d" % (process_of(task), task))
        if not parts[0].isdigit():
            return None
        if not self._contexts.holds(int(parts[0])):
            raise failure(errno.ENOENT)
        below = parts[3:] if parts[1:2] == [b"task"] else parts[1:]
        if below == [b"exe"]:
            return self._executable(place)
        if below == [b"root"]:
            return ProcLink(self._contexts.of(int(parts[0])).root or b"/")
        if below == [b"cwd"] or (len(below) == 2 and below[0] == b"fd"):
            return ProcLink(self._readable(os.readlink(place)), place)
        return None

    def directory(self, link: bytes) -> bytes:
        """The real path in the image of what ``link`` (cwd, or a descriptor) leads to. Raises OSError."""
        place = self._view.place_of(os.readlink(link))
        if place is None:
            raise failure(errno.ENOENT)
        return place or b"/"

    def _executable(self, place: bytes) -> ProcLink:
        host = os.readlink(place)
        origin = self._executables.origin(host)
        if origin is None:
            return ProcLink(self._readable(host), place)
        known, key = origin
        if self._is_there(known, key):
            return ProcLink(known)
        # It was moved or removed: the copy that runs is none of the command's files.
        original = self._executables.original(host)
        if original is not None and (moved := self._view.place_of(os.readlink(original))) is not None:
            return ProcLink(moved, original)
        return ProcLink(known.removesuffix(_DELETED) + _DELETED, original or place)

    def _is_there(self, place: bytes, key: Key) -> bool:
        try:
            found = os.lstat(self._view.seen(place).host)
        except OSError:
            return False
        return (found.st_dev, found.st_ino) == key

    def _readable(self, host: bytes) -> bytes:
        place = self._view.place_of(host)
        if place is None:
            return host
        return place or b"/"


def process_of(task: int) -> int:
    """The number of the process that a thread belongs to. Raises OSError."""
    with open(b"/proc/%d/status" % task, "rb", buffering=0) as file:
        for line in file.read(4096).splitlines():
            if line.startswith(b"Tgid:"):
                return int(line[5:])
    return task
