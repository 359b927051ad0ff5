"""Small tars made with the standard library, member by member."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterable
from typing import Any

Member = tuple[tarfile.TarInfo, bytes]


def tar(*members: Member, format: int = tarfile.PAX_FORMAT) -> bytes:
    """The bytes of a tar."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=format) as archive:
        for info, content in members:
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "", **fields: Any) -> Member:
    """One member without content; ``fields`` are TarInfo's."""
    info = tarfile.TarInfo(name)
    info.type = kind
    info.linkname = link
    info.mode = 0o755 if kind == tarfile.DIRTYPE else 0o644
    for key, value in fields.items():
        setattr(info, key, value)
    return info, b""


def file(name: str, content: bytes = b"", **fields: Any) -> Member:
    """A regular file."""
    info, _ = member(name, **fields)
    info.size = len(content)
    return info, content


def folder(name: str, **fields: Any) -> Member:
    """A directory."""
    return member(name, tarfile.DIRTYPE, **fields)


def symlink(name: str, target: str, **fields: Any) -> Member:
    """A symbolic link."""
    return member(name, tarfile.SYMTYPE, target, **fields)


def hard_link(name: str, target: str) -> Member:
    """A hard link."""
    return member(name, tarfile.LNKTYPE, target)


def whiteout(name: str) -> Member:
    """A whiteout, opaque when ``name`` ends with ``.wh..wh..opq``."""
    return file(name)


def cut(data: bytes, size: int) -> Iterable[bytes]:
    """``data`` in blocks of ``size``."""
    return [data[start : start + size] for start in range(0, len(data), size)]
