"""Paths that must not lead outside a folder, whatever symbolic links are in it, and regular files in it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from ci_builder.errors import ContextError

_LARGEST_TEXT = 16 << 20


def inside(root: Path, relative: str) -> Path:
    """The real path of ``relative`` in ``root``. Raises ContextError if it leads outside."""
    top = os.path.realpath(root)
    real = os.path.realpath(os.path.join(top, relative.lstrip("/")))
    if real != top and not real.startswith(top.rstrip("/") + "/"):
        raise ContextError(f"{relative!r} leads outside of the context")
    return Path(real)


def read_text(path: Path, what: str) -> str:
    """The text of a regular file in UTF-8; ``what`` is what messages call it.

    Raises ContextError: missing, no regular file (a fifo is not waited for), too large, not UTF-8.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise ContextError(f"{what} is not a regular file: {path}")
            return decode(file.read(_LARGEST_TEXT + 1), what)
    except OSError as error:
        raise ContextError(f"{what} cannot be read: {path}: {error.strerror}") from error


def decode(data: bytes, what: str) -> str:
    """``data`` as text in UTF-8. Raises ContextError."""
    if len(data) > _LARGEST_TEXT:
        raise ContextError(f"{what} is larger than {_LARGEST_TEXT >> 20} MiB")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise ContextError(f"{what} is not text in UTF-8 (line {line})") from error
