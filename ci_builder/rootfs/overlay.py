"""The upper directory of an overlayfs mount as changes (kernel documentation, filesystems/overlayfs.rst)."""

from __future__ import annotations

import errno
import os
import stat as stat_module
from collections.abc import Iterable

from ci_builder.errors import ExecutorError
from ci_builder.rootfs.changes import Change
from ci_builder.rootfs.paths import open_directory
from ci_builder.rootfs.xattrs import path_of

_LIST = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_PREFIXES = ("trusted.overlay.", "user.overlay.")


def overlay_changes(upper: str, untouchable: frozenset[bytes] = frozenset()) -> list[Change]:
    """What the upper directory ``upper`` of an overlay changes in the directories below, sorted by path.

    Paths of ``untouchable`` (as in Tree) are left out. Raises ExecutorError for renamed directories and
    files without content (mount with redirect_dir=off,metacopy=off), OSError.
    """
    changes: list[Change] = []
    root = os.open(upper, _LIST)
    pending = [b""]
    try:
        while pending:
            path = pending.pop()
            descriptor = open_directory(root, path, _LIST)
            try:
                below = _folder(descriptor, path, untouchable, changes)
            finally:
                os.close(descriptor)
            pending += below
    finally:
        os.close(root)
    return sorted(changes)


def without_marks(changes: Iterable[Change], upper: str, below: str) -> list[Change]:
    """``changes`` of the upper directory with what directories hide said name by name, as a scan finds it:
    one file system changed in one way gives one layer, however the change was found.

    ``below`` is the tree that the upper directory lies on. Sorted by path. Raises OSError.
    """
    found = set(changes)
    pending = [change.path for change in found if change.kind == "opaque"]
    found -= {Change(path, "opaque") for path in pending}
    while pending:
        path = pending.pop()
        before = _directories(below, path)
        if before is None:
            continue
        now = _directories(upper, path) or {}
        for name, was_directory in before.items():
            child = path + b"/" + name
            if name not in now:
                found.add(Change(child, "absent"))
            elif was_directory and now[name]:
                pending.append(child)
    return sorted(found)


def _directories(root: str, path: bytes) -> dict[bytes, bool] | None:
    """The names in a directory, and whether each is one itself; None where there is no directory."""
    top = os.open(root, _LIST)
    try:
        descriptor = open_directory(top, path, _LIST)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
            return None
        raise
    finally:
        os.close(top)
    try:
        with os.scandir(descriptor) as entries:
            return {os.fsencode(item.name): item.is_dir(follow_symlinks=False) for item in entries}
    finally:
        os.close(descriptor)


def _folder(
    descriptor: int, path: bytes, untouchable: frozenset[bytes], changes: list[Change]
) -> list[bytes]:
    below = []
    for text in os.listdir(descriptor):
        name = os.fsencode(text)
        child = path + b"/" + name if path else name
        if b"/" + child in untouchable:
            continue
        stat = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
        if _is_whiteout(descriptor, name, stat):
            changes.append(Change(child, "absent"))
            continue
        changes.append(Change(child, "present"))
        if stat_module.S_ISDIR(stat.st_mode):
            below.append(child)
            _refuse(descriptor, name, "redirect", child)
            if _mark(descriptor, name, "opaque") == b"y":
                changes.append(Change(child, "opaque"))
        elif stat_module.S_ISREG(stat.st_mode):
            _refuse(descriptor, name, "metacopy", child)
    return below


def _is_whiteout(descriptor: int, name: bytes, stat: os.stat_result) -> bool:
    if stat_module.S_ISCHR(stat.st_mode):
        return stat.st_rdev == 0
    # An overlay on an overlay cannot hold 0:0 devices; Linux 6.7 marks an empty file instead.
    empty = stat_module.S_ISREG(stat.st_mode) and stat.st_size == 0
    return empty and _mark(descriptor, name, "whiteout") is not None


def _refuse(descriptor: int, name: bytes, mark: str, path: bytes) -> None:
    if _mark(descriptor, name, mark) is not None:
        raise ExecutorError(
            f"/{os.fsdecode(path)} in the overlay has the mark {mark!r}, which no layer can express",
            hint="the overlay must be mounted with redirect_dir=off,metacopy=off",
        )


def _mark(descriptor: int, name: bytes, mark: str) -> bytes | None:
    for prefix in _PREFIXES:
        try:
            return os.getxattr(path_of(descriptor, name), prefix + mark, follow_symlinks=False)
        except OSError as error:
            if error.errno not in (errno.ENODATA, errno.ENOTSUP, errno.EPERM):
                raise
    return None
