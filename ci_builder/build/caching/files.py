"""Files as inputs of a key: what a copy of them would take over, but for times (issue 5, "Keys")."""

from __future__ import annotations

import hashlib
import os
import posixpath
import stat
from collections.abc import Iterator

from ci_builder.build.copy.selection import EVERYTHING, Selection
from ci_builder.build.copy.source import CopySource, Found, find
from ci_builder.cache.inputs import Input, frame
from ci_builder.rootfs.metadata import all_xattrs
from ci_builder.values import dataclass, field

_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Taken:
    """What the copy takes from the files: their owners, their permissions. ``attributes``: those of a build
    context, too, which a command sees and a copy leaves behind. ``quick``: contents are not read; what the
    kernel says of a file stands for its content, which tells whether it was touched meanwhile."""

    owners: bool = True
    permissions: bool = True
    attributes: bool = False
    quick: bool = False


ALL = Taken()


def inputs_of_sources(
    origin: CopySource, patterns: tuple[str, ...], selections: tuple[Selection, ...], taken: Taken = ALL
) -> Iterator[Input]:
    """Every file that the source ``patterns``, each with its selection, take from ``origin``. Raises
    ContextError for one that is not there, OSError."""
    for number, (pattern, selection) in enumerate(zip(patterns, selections, strict=True)):
        for found in find(origin, pattern, selection):
            yield from inputs_of_found(origin, found, selection, taken, f"{number}")


def inputs_of_found(
    origin: CopySource, found: Found, selection: Selection = EVERYTHING, taken: Taken = ALL, where: str = ""
) -> Iterator[Input]:
    """What was found, and the files below it. The directory itself gives only its content. ``where`` keeps
    the files of several sources apart. Raises OSError."""
    walk = _Walk(origin, selection, taken)
    # A link's own name is what the copy is called, its file what is copied.
    yield Input(
        f"source {where} {_shown(found.name)}", frame((found.name, stat.S_IFMT(found.status.st_mode)))
    )
    if stat.S_ISDIR(found.status.st_mode):
        yield from walk.content(found.path, b"")
    else:
        yield walk.file(found.path, os.lstat(origin.path(found.path)), posixpath.basename(found.path))


@dataclass(frozen=True, slots=True)
class _Walk:
    origin: CopySource
    selection: Selection
    taken: Taken
    names: dict[tuple[int, int], bytes] = field(default_factory=dict)

    def content(self, source: bytes, below: bytes) -> Iterator[Input]:
        """The entries of the directory ``source``, which is ``below`` where the selection counts from."""
        for name in self.origin.children(source):
            path, within = posixpath.join(source, name), posixpath.join(below, name)
            status = os.lstat(self.origin.path(path))
            takes = self.selection.takes(within)
            if not stat.S_ISDIR(status.st_mode):
                if takes and not stat.S_ISSOCK(status.st_mode):
                    yield self.file(path, status, within)
                continue
            inside = self.content(path, within) if self.selection.enters(within) else iter(())
            # One that nothing is taken from does not come about.
            first = next(inside, None)
            if takes or first is not None:
                yield Input(f"file {_shown(path)}/", self._folder(path, status, within, takes))
            if first is not None:
                yield first
                yield from inside

    def file(self, path: bytes, status: os.stat_result, within: bytes) -> Input:
        """Anything but a directory."""
        return Input(
            f"file {_shown(path)}", self._value(path, status, ("file", within, *self._content(path, status)))
        )

    def _folder(self, path: bytes, status: os.stat_result, within: bytes, takes: bool) -> bytes:
        value = self._value(path, status, ("folder", within, takes))
        if takes:
            return value
        # One that is only on the way gives its permissions to the one that is there, whatever --chmod says.
        return frame((value, self.origin.tree.ownership.status(status).mode))

    def _value(self, path: bytes, status: os.stat_result, what: tuple[object, ...]) -> bytes:
        tree = self.origin.tree
        known = tree.ownership.status(status)
        owners = (known.uid, known.gid) if self.taken.owners and self.origin.keeps_owners else None
        kind = stat.S_IFMT(known.mode)
        mode = known.mode if self.taken.permissions else kind
        device = known.device if stat.S_ISBLK(kind) or stat.S_ISCHR(kind) else None
        seen = self.taken.attributes
        attributes = (
            all_xattrs(-100, self.origin.path(path), known) if seen else self.origin.xattrs(path, known)
        )
        return frame((what, mode, owners, device, attributes))

    def _content(self, path: bytes, status: os.stat_result) -> tuple[object, ...]:
        if stat.S_ISLNK(status.st_mode):
            return ("link", os.readlink(self.origin.path(path)))
        if not stat.S_ISREG(status.st_mode):
            return ()
        if status.st_nlink > 1:
            first = self.names.setdefault((status.st_dev, status.st_ino), path)
            if first != path:
                return ("same", first)
        if self.taken.quick:
            return ("seen", status.st_dev, status.st_ino, status.st_size, status.st_ctime_ns)
        return ("content", digest_of_file(self.origin.path(path)))


def digest_of_file(path: bytes) -> bytes:
    """The SHA-256 digest of a file's content; no symbolic link is followed. Raises OSError."""
    hasher = hashlib.sha256()
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        while block := os.read(descriptor, _BLOCK):
            hasher.update(block)
    finally:
        os.close(descriptor)
    return hasher.digest()


def _shown(path: bytes) -> str:
    """A path as text that every encoding takes."""
    return path.decode("utf-8", "backslashreplace")
