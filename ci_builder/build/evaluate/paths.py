"""Paths of instructions, cleaned as Go's path.Clean does."""

from __future__ import annotations

import posixpath


def clean(path: str) -> str:
    """An absolute path without ``.``, ``..``, doubled and trailing slashes; ``..`` stops at ``/``."""
    # posixpath keeps two leading slashes, which mean nothing on Linux.
    return "/" + posixpath.normpath("/" + path).lstrip("/")


def destination(path: str, cwd: str) -> str:
    """The destination of COPY and ADD, absolute. A slash at its end says that it is a directory and is
    kept; ``.`` and nothing at all say so too."""
    cleaned = clean(posixpath.join(cwd, path))
    is_directory = path in ("", ".") or path.endswith("/")
    return cleaned + "/" if is_directory and cleaned != "/" else cleaned


def source(path: str) -> str:
    """A source relative to the root of its origin: ``..`` cannot leave it; the root itself is ``.``."""
    return clean(path).lstrip("/") or "."


def pivoted(path: str) -> tuple[str, str]:
    """A source of COPY --parents: where to begin, and the pattern of what is below whose parents are
    kept. ``/./`` in it is the pivot between both; without one it begins at the root of its origin."""
    before, pivot, below = path.partition("/./")
    return ("/", source(path)) if not pivot else (before or "/", source(below))
