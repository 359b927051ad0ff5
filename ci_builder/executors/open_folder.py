"""A folder of the builder's state that a command's user may enter."""

from __future__ import annotations

import os
from pathlib import Path


def make_open_folder(folder: Path) -> None:
    """A new folder of mode 0755, whatever the umask of the job. Raises OSError."""
    os.mkdir(folder, 0o755)
    os.chmod(folder, 0o755)
