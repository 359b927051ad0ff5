"""A folder that nobody else can look into, gone when it is left."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ci_builder.errors import OutputError
from ci_builder.executors.removal import release_folder


@contextlib.contextmanager
def private_folder(parent: Path) -> Iterator[Path]:
    """A new folder of mode 0700 in ``parent`` that is gone afterwards, whatever is in it, mounts too.
    Raises OutputError when it cannot be made or removed."""
    try:
        folder = Path(tempfile.mkdtemp(prefix="ci-builder-", dir=parent))
    except OSError as error:
        raise OutputError(f"cannot make a folder in {parent}: {error.strerror}") from error
    try:
        yield folder
    except BaseException:
        # Whatever went wrong is what people must hear of.
        with contextlib.suppress(OSError):
            release_folder(str(folder))
        raise
    try:
        release_folder(str(folder))
    except OSError as error:
        raise OutputError(f"{folder} cannot be removed: {error.strerror}") from error
