"""The upper directory of an overlayfs mount as changes (kernel documentation, filesystems/overlayfs.rst)."""

from __future__ import annotations

import errno
import itertools
import os
import stat as stat_module
from collections.abc import Callable, Iterator

from ci_builder.errors import ExecutorError
from ci_builder.rootfs.changes import Change, Changes, key_of, present_keys
from ci_builder.rootfs.paths import open_directory
from ci_builder.rootfs.walk import LIST, Names, child, side_by_side, sorted_names, walk
from ci_builder.rootfs.xattrs import path_of

_PART = 1 << 12  # entries that are listed at once
_PREFIXES = ("trusted.overlay.", "user.overlay.")


Hides = Callable[[bytes], bool]
"""Whether there is anything below at a path whose directory is marked as hiding that."""


def overlay_changes(
    upper: str,
    untouchable: frozenset[bytes] = frozenset(),
    *,
    whole: bool = False,
    hides: Hides = lambda path: True,
) -> Changes:
    """What the upper directory ``upper`` of an overlay changes in the directories below.

    Paths of ``untouchable`` (as in Tree) are left out. ``whole``: it was mounted with options by which the
    kernel neither redirects directories nor copies files without their content, so that nobody need look.
    Raises ExecutorError for renamed directories and files without content (mount with
    redirect_dir=off,metacopy=off), OSError.
    """

    def look(descriptor: int, path: bytes, below: Names) -> Iterator[bytes]:
        for name in sorted_names(descriptor):
            if untouchable and b"/" + child(path, name) in untouchable:
                continue
            stat = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
            yield from keys(_entry(descriptor, (path, name), stat, below, whole=False))

    def look_at_few(descriptor: int, path: bytes, below: Names) -> Iterator[bytes]:
        # The listing tells most. (It cannot tell the whiteouts that lower directories may have since Linux
        # 6.7, empty files with a mark; the kernel makes none of those.)
        for plain, others in _listed(descriptor):
            yield from present_keys(path, plain)
            for name in others:
                stat = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
                yield from keys(_entry(descriptor, (path, name), stat, below, whole=True))

    def keys(changes: Iterator[Change]) -> Iterator[bytes]:
        return (key_of(item) for item in changes if item.kind != "opaque" or hides(item.path))

    return Changes.of_keys(walk(upper, look_at_few if whole and not untouchable else look))


def _listed(directory: int) -> Iterator[tuple[list[bytes], list[bytes]]]:
    """The names in a directory, a part after another: those of files and symbolic links, and others."""
    with os.scandir(directory) as found:
        while part := list(itertools.islice(found, _PART)):
            plain: list[str] = []
            others: list[bytes] = []
            for item in part:
                if _is_plain(item):
                    plain.append(item.name)
                else:
                    others.append(os.fsencode(item.name))
            yield os.fsencode("\0".join(plain)).split(b"\0") if plain else [], others


def _is_plain(item: os.DirEntry[str]) -> bool:
    return item.is_file(follow_symlinks=False) or item.is_symlink()


def without_marks(changes: Changes, upper: str, below: str) -> Changes:
    """``changes`` of the upper directory with what directories hide said name by name, as a scan finds it:
    one file system changed in one way gives one layer, however the change was found.

    ``below`` is the tree that the upper directory lies on. Raises OSError.
    """
    return Changes.of(_spelt_out(changes, upper, below))


def _spelt_out(changes: Changes, upper: str, below: str) -> Iterator[Change]:
    for change in changes:
        if change.kind != "opaque":
            yield change
            continue
        pending = [change.path]
        while pending:
            yield from _hidden(pending.pop(), upper, below, pending)


def _hidden(path: bytes, upper: str, below: str, pending: list[bytes]) -> Iterator[Change]:
    """What the directory ``path`` of ``upper`` hides; ``pending`` gets those in it that hide more."""
    for name, was_directory, is_directory in side_by_side(_kinds(below, path), _kinds(upper, path)):
        if was_directory is not None and is_directory is None:
            yield Change(child(path, name), "absent")
        elif was_directory and is_directory:
            pending.append(child(path, name))


def _kinds(root: str, path: bytes) -> Iterator[tuple[bytes, bool]]:
    """The names in a directory, and whether each is one itself; nothing where there is no directory."""
    top = os.open(root, LIST)
    try:
        descriptor = open_directory(top, path, LIST)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
            return
        raise
    finally:
        os.close(top)
    try:
        for name in sorted_names(descriptor):
            found = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
            yield name, stat_module.S_ISDIR(found.st_mode)
    finally:
        os.close(descriptor)


def _entry(
    descriptor: int, where: tuple[bytes, bytes], stat: os.stat_result, below: Names, whole: bool
) -> Iterator[Change]:
    """What the upper directory's entry ``where`` (folder, name) stands for."""
    name = where[1]
    path = child(*where)
    if _is_whiteout(descriptor, name, stat):
        yield Change(path, "absent")
        return
    yield Change(path, "present")
    if stat_module.S_ISDIR(stat.st_mode):
        below.add(name)
        if not whole:
            _refuse(descriptor, name, "redirect", path)
        if _mark(descriptor, name, "opaque") == b"y":
            yield Change(path, "opaque")
    elif not whole and stat_module.S_ISREG(stat.st_mode):
        _refuse(descriptor, name, "metacopy", path)


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
