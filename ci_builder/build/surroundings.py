"""What a build is given besides its Request: everything that it may touch of the world."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

from ci_builder.progress import Progress
from ci_builder.values import dataclass


@dataclass(frozen=True, slots=True)
class Surroundings:
    """``environment`` is the process's, ``home`` the folder of the embedded store, ``folder`` an empty
    one that is the build's own and goes with it: nothing else is in the one above it; ``elsewhere`` are
    folders, best first, for programs that cannot be started from there. ``secret_files`` hold credentials:
    no RUN command may read them."""

    environment: Mapping[str, str]
    progress: Progress
    home: Path
    folder: Path
    stdin: BinaryIO
    stdout: BinaryIO
    secret_files: tuple[Path, ...] = ()
    elsewhere: tuple[Path, ...] = ()
