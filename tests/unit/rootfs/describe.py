"""What a tree holds, read with plain system calls only: the yardstick of these tests."""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass


@dataclass(frozen=True)
class Thing:
    """One path. ``same_as`` is the first path (sorted) of the same inode."""

    kind: int
    permissions: int
    owner: tuple[int, int]
    seconds: int
    what: bytes
    same_as: bytes
    xattrs: tuple[tuple[str, bytes], ...]


def describe(root: str | os.PathLike[str]) -> dict[bytes, Thing]:
    """Every path below ``root`` (relative)."""
    top = os.fsencode(root)
    first: dict[tuple[int, int], bytes] = {}
    found = {}
    for path in sorted(_paths(top)):
        relative = os.path.relpath(path, top)
        status = os.lstat(path)
        key = (status.st_dev, status.st_ino)
        found[relative] = Thing(
            stat.S_IFMT(status.st_mode),
            stat.S_IMODE(status.st_mode),
            (status.st_uid, status.st_gid),
            status.st_mtime_ns // 10**9,
            _what(path, status),
            first.setdefault(key, relative),
            _xattrs(path),
        )
    return found


def contents(root: str | os.PathLike[str]) -> dict[str, str]:
    """Every path below ``root`` as text: a file's content, a link's target, ``/`` for a directory."""
    shown = {}
    for path, thing in describe(root).items():
        if thing.kind == stat.S_IFREG:
            with open(os.path.join(os.fsencode(root), path), "rb") as file:
                text = file.read().decode()
        elif thing.kind == stat.S_IFLNK:
            text = "-> " + thing.what.decode()
        else:
            text = "/" if thing.kind == stat.S_IFDIR else "special"
        shown[path.decode()] = text
    return shown


def _paths(top: bytes) -> list[bytes]:
    found = []
    for folder, directories, files in os.walk(top):
        found += [os.path.join(folder, name) for name in (*directories, *files)]
    return found


def _what(path: bytes, status: os.stat_result) -> bytes:
    if stat.S_ISREG(status.st_mode):
        with open(path, "rb") as file:
            return hashlib.sha256(file.read()).digest()
    if stat.S_ISLNK(status.st_mode):
        return os.readlink(path)
    return str(status.st_rdev).encode() if not stat.S_ISDIR(status.st_mode) else b""


def _xattrs(path: bytes) -> tuple[tuple[str, bytes], ...]:
    keys = sorted(os.listxattr(path, follow_symlinks=False))
    return tuple((key, os.getxattr(path, key, follow_symlinks=False)) for key in keys)
