"""The mount table of this process (proc(5), /proc/PID/mountinfo)."""

from __future__ import annotations

from collections.abc import Iterable

from ci_builder.patterns import pattern
from ci_builder.values import dataclass

_ESCAPE = pattern(rb"\\([0-7]{3})")


@dataclass(frozen=True, slots=True)
class MountPoint:
    """One mount: where, and the file system's type such as ``overlay``."""

    path: bytes
    kind: str


def read_mounts() -> tuple[MountPoint, ...]:
    """The mounts that this process sees, in the kernel's order. Raises OSError."""
    with open("/proc/self/mountinfo", "rb") as table:
        return parse_mounts(table)


def parse_mounts(lines: Iterable[bytes]) -> tuple[MountPoint, ...]:
    """Mounts from the lines of a mountinfo file."""
    found = []
    for line in lines:
        fields = line.split()
        kind = fields[fields.index(b"-", 6) + 1]
        found.append(MountPoint(_unescape(fields[4]), kind.decode("ascii", "replace")))
    return tuple(found)


def _unescape(path: bytes) -> bytes:
    return _ESCAPE.sub(lambda match: bytes([int(match[1], 8)]), path)
