"""Where files go: how much room there is, and what may be done with them (statvfs(3))."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from ci_builder.values import dataclass


@dataclass(frozen=True, slots=True)
class Room:
    """The file system of ``path``, in bytes. ``writable``: a file was made there; ``no_exec``: programs on
    it cannot be started. ``trouble`` is why nothing can be said, or empty."""

    path: str
    free: int = 0
    total: int = 0
    writable: bool = False
    read_only: bool = False
    no_exec: bool = False
    trouble: str = ""


def room(folder: Path) -> Room:
    """Of ``folder``; of the nearest one above it that is there, when it is not there yet."""
    place = folder
    try:
        while not place.is_dir() and place != place.parent:
            place = place.parent
        found = os.statvfs(place)
    except OSError as error:
        return Room(str(folder), trouble=error.strerror or "unknown")
    return Room(
        path=str(folder),
        free=found.f_bavail * found.f_frsize,
        total=found.f_blocks * found.f_frsize,
        writable=_takes_a_file(place),
        read_only=bool(found.f_flag & os.ST_RDONLY),
        no_exec=bool(found.f_flag & os.ST_NOEXEC),
    )


def _takes_a_file(folder: Path) -> bool:
    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False
