"""What a build is given besides its Request: everything that it may touch of the world."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

from ci_builder.progress import Progress
from ci_builder.values import dataclass


@dataclass(frozen=True, slots=True)
class Surroundings:
    """``environment`` is the process's, ``home`` the folder of the embedded store, ``temporary`` the
    folder in which the build makes its own private folder and removes it at the end; ``elsewhere`` are
    folders, best first, for programs that cannot be started from there. ``secret_files`` hold credentials:
    no RUN command may read them."""

    environment: Mapping[str, str]
    progress: Progress
    home: Path
    temporary: Path
    stdin: BinaryIO
    stdout: BinaryIO
    secret_files: tuple[Path, ...] = ()
    elsewhere: tuple[Path, ...] = ()
