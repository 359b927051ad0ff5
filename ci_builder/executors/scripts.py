"""Scripts that are there for one command only (heredocs of RUN)."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence


def place_scripts(files: Sequence[tuple[str, bytes, int]]) -> None:
    """Write the scripts of one command below /dev/pipes. Raises OSError."""
    for path, content, mode in files:
        folder = os.path.dirname(path)
        os.makedirs(folder, exist_ok=True)
        os.chmod(folder, 0o755)  # whatever the umask of the job
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with open(os.open(path, flags, 0o600), "wb") as script:
            script.write(content)
            os.fchmod(script.fileno(), mode)


def remove_scripts(files: Sequence[tuple[str, bytes, int]]) -> None:
    """Remove them and their folder, as far as they are there."""
    with contextlib.suppress(OSError):
        for path, _, _ in files:
            os.unlink(path)
        for path, _, _ in files:
            os.rmdir(os.path.dirname(path))
