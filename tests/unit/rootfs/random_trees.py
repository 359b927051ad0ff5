"""Random trees and random changes to them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hypothesis import strategies as st

_NAMES = st.one_of(
    st.sampled_from([b"a", b"b", b"c", b"a-b", b"A"]),
    st.sampled_from(
        [b"\xff\xfe", "ü ñ".encode(), b"n" * 90, b"m" * 200, b" ", b"-x", b"new\nline", b".hidden"]
    ),
)
PATHS = st.lists(_NAMES, min_size=1, max_size=4).map(b"/".join)
_KINDS = st.sampled_from(["file", "file", "directory", "symlink", "link", "fifo", "device"])
_OWNERS = st.sampled_from([0, 1, 1000, 65534, 2_200_000, 4_000_000_000])
_MODES = st.sampled_from([0o644, 0o755, 0o4755, 0o2755, 0o1777, 0, 0o6711])
_XATTRS = st.dictionaries(
    st.sampled_from(["user.a", "user.lang ü", "security.capability", "trusted.x"]),
    st.just(bytes.fromhex("0100000200200000000000000000000000000000")),
    max_size=2,
)


@dataclass(frozen=True)
class Make:
    """Make something at ``path``, or leave it when that is not possible."""

    path: bytes
    kind: str
    content: bytes
    mode: int
    uid: int
    gid: int
    seconds: int
    other: bytes
    pick: int
    xattrs: tuple[tuple[str, bytes], ...]


MAKES = st.builds(
    Make,
    PATHS,
    _KINDS,
    st.binary(max_size=600),
    _MODES,
    _OWNERS,
    _OWNERS,
    st.sampled_from([0, 1, 1_700_000_000, 2**33 + 5, -10]),
    PATHS,
    st.integers(0, 30),
    _XATTRS.map(lambda found: tuple(found.items())),
)


def make(root: Path, wanted: Make) -> None:
    """Carry it out with plain system calls, as root."""
    top = os.fsencode(root)
    target = os.path.join(top, wanted.path)
    if os.path.lexists(target) or os.path.realpath(os.path.dirname(target)) != os.path.dirname(target):
        return
    if not _parents(top, target):
        return
    if wanted.kind == "link":
        there = [path for path in _existing(top) if os.path.islink(path) or not os.path.isdir(path)]
        if there:
            os.link(there[wanted.pick % len(there)], target, follow_symlinks=False)
        return
    _create(target, wanted)
    os.chown(target, wanted.uid, wanted.gid, follow_symlinks=False)
    if wanted.kind != "symlink":
        os.chmod(target, wanted.mode)
    for key, value in wanted.xattrs:
        allowed = wanted.kind in ("file", "directory") or not key.startswith("user.")
        if allowed and (key != "security.capability" or wanted.kind == "file"):
            os.setxattr(target, key, value, follow_symlinks=False)
    os.utime(target, (wanted.seconds, wanted.seconds), follow_symlinks=False)


def _existing(top: bytes) -> list[bytes]:
    found = []
    for folder, directories, files in os.walk(top):
        found += [os.path.join(folder, name) for name in (*directories, *files)]
    return sorted(found)


def _parents(top: bytes, target: bytes) -> bool:
    try:
        os.makedirs(os.path.dirname(target), exist_ok=True)
    except OSError:
        return False
    return True


def _create(target: bytes, wanted: Make) -> None:
    if wanted.kind == "file":
        with open(target, "wb") as file:
            file.write(wanted.content)
    elif wanted.kind == "directory":
        os.mkdir(target)
    elif wanted.kind == "symlink":
        os.symlink(wanted.other, target)
    elif wanted.kind == "fifo":
        os.mkfifo(target)
    else:
        os.mknod(target, 0o20600, os.makedev(1, 3))


@dataclass(frozen=True)
class Alter:
    """Change one of the paths there are, if it can be changed so. ``other`` is a second one of them, or
    a new name where it is bytes."""

    how: str
    pick: int
    other: int | bytes
    content: bytes


ALTERS = st.builds(
    Alter,
    st.sampled_from(
        ["remove", "rename", "write", "same size", "chmod", "chown", "xattr", "swap", "touch", "link"]
    ),
    st.integers(0, 30),
    st.one_of(st.integers(0, 30), PATHS),
    st.binary(min_size=1, max_size=50),
)


def alter(root: Path, wanted: Alter) -> None:
    """Carry it out."""
    top = os.fsencode(root)
    there = _existing(top)
    if not there:
        return
    files = [path for path in there if _is_file(path) and os.path.getsize(path)]
    if wanted.how in ("write", "same size") and files:
        there = files
    path = there[wanted.pick % len(there)]
    if isinstance(wanted.other, bytes):
        other = os.path.join(top, wanted.other)
        if os.path.islink(os.path.dirname(other)):
            return
    else:
        other = there[wanted.other % len(there)]
    try:
        _HOW[wanted.how](path, other, wanted.content)
    except (OSError, shutil.Error):
        return


def _remove(path: bytes, other: bytes, content: bytes) -> None:
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    else:
        os.unlink(path)


def _is_file(path: bytes) -> bool:
    return os.path.isfile(path) and not os.path.islink(path)


def _write(path: bytes, other: bytes, content: bytes) -> None:
    if _is_file(path):
        with open(path, "wb") as file:
            file.write(content)


def _same_size(path: bytes, other: bytes, content: bytes) -> None:
    """Other content of the same size and mtime: what size and mtime cannot tell."""
    if not _is_file(path):
        return
    status = os.stat(path)
    with open(path, "r+b") as file:
        data = bytes(byte ^ 1 for byte in file.read())
        file.seek(0)
        file.write(data)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def _swap(path: bytes, other: bytes, content: bytes) -> None:
    if os.path.lexists(other):
        os.rename(path, path + b".tmp")
        try:
            os.rename(other, path)
        except OSError:
            os.rename(path + b".tmp", path)
            raise
        os.rename(path + b".tmp", other)


_HOW: dict[str, Callable[[bytes, bytes, bytes], None]] = {
    "remove": _remove,
    "rename": lambda path, other, content: os.rename(path, other),
    "write": _write,
    "same size": _same_size,
    "chmod": lambda path, other, content: os.chmod(path, 0o700 | len(content)),
    "chown": lambda path, other, content: os.chown(path, len(content), 7, follow_symlinks=False),
    "xattr": lambda path, other, content: os.setxattr(path, "user.new", content),
    "swap": _swap,
    "link": lambda path, other, content: os.link(path, other, follow_symlinks=False),
    "touch": lambda path, other, content: os.utime(path, (5, len(content)), follow_symlinks=False),
}
