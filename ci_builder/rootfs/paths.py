"""Names inside a root file system, resolved as the kernel's RESOLVE_IN_ROOT does (openat2(2)).

Symbolic links are followed inside the root: an absolute one starts at the root, ``..`` stops there.
Each component is opened by itself without following links, so nothing that an image contains can lead
outside. ``Directories`` keeps descriptors of the last directories open, because layers name files
directory by directory.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat as stat_module
from collections.abc import Iterator
from types import TracebackType

from ci_builder.errors import CiBuilderError
from ci_builder.rootfs.tree import Tree
from ci_builder.values import dataclass

_OPEN = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_MAX_LINKS = 40  # as the kernel's MAXSYMLINKS
_CHUNK = 3000  # below PATH_MAX, with room for the last component


@dataclass(frozen=True, slots=True)
class Place:
    """Where a path ends: ``name`` in the open directory ``parent``; ``path`` is its real path, relative
    to the root. A directory reached by ``..`` or the root itself is named ``b"."``. ``held_back``: the
    tree's untouchable paths cover it. ``parent`` belongs to the Directories that gave it out."""

    parent: int
    name: bytes
    path: bytes
    held_back: bool = False


@dataclass(frozen=True, slots=True)
class _Directory:
    descriptor: int
    path: bytes
    held_back: bool


class HeldBack(Exception):
    """A directory would have to be made where the tree may not be touched."""


class Directories:
    """Open directories of one tree. A descriptor that it gives out may be closed by the next call: dup it
    to keep it. ``place(create=True)`` makes directories that are missing, 0755 and root's."""

    def __init__(self, tree: Tree, capacity: int = 64) -> None:
        self.tree = tree
        self._capacity = capacity
        root = os.open(tree.root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        self._root = _Directory(root, b"", b"/" in tree.untouchable)
        self._untouchable = tree.untouchable
        self._open: dict[bytes, _Directory] = {}
        self._retired: list[int] = []

    def __enter__(self) -> Directories:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def root(self) -> int:
        """The descriptor of the root."""
        return self._root.descriptor

    def close(self) -> None:
        """Close every descriptor."""
        self.forget()
        os.close(self._root.descriptor)

    def forget(self, keep: int = -1) -> None:
        """Call after a directory or a symbolic link was removed, renamed or replaced. The descriptor
        ``keep``, of a place that is still in use, stays open until the next time."""
        descriptors = [item.descriptor for item in self._open.values()] + self._retired
        self._open.clear()
        self._retired = [item for item in descriptors if item == keep]
        for descriptor in descriptors:
            if descriptor != keep:
                os.close(descriptor)

    def place(self, path: bytes, *, create: bool = False) -> Place:
        """Resolve all of ``path`` but its last component. Raises OSError (ENOENT, ENOTDIR, ELOOP …), and
        HeldBack when ``create`` would make a directory in an untouchable one."""
        path = path.lstrip(b"/")
        parent, _, name = path.rpartition(b"/")
        if name in (b"", b".", b".."):
            directory = self._directory(path, create)
            return Place(directory.descriptor, b".", directory.path, directory.held_back)
        if parent in self._open:
            directory = self._open.pop(parent)
            self._open[parent] = directory  # the one used last is the last to be closed
        else:
            directory = self._directory(parent, create)
        real = directory.path + b"/" + name if directory.path else name
        held_back = directory.held_back or (bool(self._untouchable) and b"/" + real in self._untouchable)
        return Place(directory.descriptor, name, real, held_back)

    def follow(self, path: bytes) -> Place:
        """Like ``place``, and a symbolic link at the end is followed too. Raises OSError."""
        for _ in range(_MAX_LINKS + 1):
            place = self.place(path)
            try:
                target = os.readlink(place.name, dir_fd=place.parent)
            except OSError as error:
                if error.errno in (errno.EINVAL, errno.ENOENT):
                    return place
                raise
            path = _beside(place.path, target)
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)

    def _directory(self, path: bytes, create: bool) -> _Directory:
        """The directory that ``path`` means, every link in it followed."""
        known, rest = self._longest_known(path)
        current = known
        done = path[: len(path) - len(rest)]
        for name in rest.lstrip(b"/").split(b"/"):
            done = done + b"/" + name if done else name
            if name not in (b"", b"."):
                current = self._step(current, name, [_MAX_LINKS], create)
                self._keep(done, current)
        return current

    def _longest_known(self, path: bytes) -> tuple[_Directory, bytes]:
        end = len(path)
        while end > 0:
            directory = self._open.get(path[:end])
            if directory is not None:
                return directory, path[end:]
            end = path.rfind(b"/", 0, end)
        return self._root, path

    def _keep(self, path: bytes, directory: _Directory) -> None:
        old = self._open.pop(path, None)
        if old is not None:
            os.close(old.descriptor)
        self._open[path] = directory
        if len(self._open) > self._capacity:
            oldest = next(iter(self._open))
            os.close(self._open.pop(oldest).descriptor)

    def _step(self, base: _Directory, name: bytes, budget: list[int], create: bool) -> _Directory:
        """One component further: always a descriptor of its own."""
        if name == b"..":
            return self._open_real(os.path.dirname(base.path))
        try:
            return self._enter(base, name)
        except FileNotFoundError:
            if not create:
                raise
        except NotADirectoryError:
            return self._through_link(base, name, budget, create)
        self._make(base, name)
        return self._enter(base, name)

    def _enter(self, base: _Directory, name: bytes) -> _Directory:
        path = base.path + b"/" + name if base.path else name
        descriptor = os.open(name, _OPEN, dir_fd=base.descriptor)
        return _Directory(descriptor, path, base.held_back or b"/" + path in self.tree.untouchable)

    def _through_link(self, base: _Directory, name: bytes, budget: list[int], create: bool) -> _Directory:
        try:
            target = os.readlink(name, dir_fd=base.descriptor)
        except OSError as error:
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), name) from error
        budget[0] -= 1
        if budget[0] < 0:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), name)
        start = self._root if target.startswith(b"/") else base
        current = _Directory(os.dup(start.descriptor), start.path, start.held_back)
        for part in target.split(b"/"):
            if part in (b"", b"."):
                continue
            try:
                following = self._step(current, part, budget, create)
            finally:
                os.close(current.descriptor)
            current = following
        return current

    def _open_real(self, path: bytes) -> _Directory:
        descriptor = open_directory(self._root.descriptor, path)
        return _Directory(descriptor, path, self.tree.holds_back(path))

    def _make(self, base: _Directory, name: bytes) -> None:
        path = base.path + b"/" + name if base.path else name
        if base.held_back or b"/" + path in self.tree.untouchable:
            raise HeldBack(os.fsdecode(path))
        os.mkdir(name, 0o755, dir_fd=base.descriptor)
        self.tree.ownership.chown(base.descriptor, name, 0, 0, stat_module.S_IFDIR | 0o755)


def open_directory(root: int, path: bytes, flags: int = _OPEN) -> int:
    """Open the directory of a real ``path`` (no symbolic links in it) below the descriptor ``root``, also
    when the path is longer than the kernel takes at once. Raises OSError."""
    descriptor = root
    try:
        while len(path) > _CHUNK:
            cut = path.rfind(b"/", 0, _CHUNK)
            following = os.open(path[:cut], _OPEN, dir_fd=descriptor)
            if descriptor != root:
                os.close(descriptor)
            descriptor, path = following, path[cut + 1 :]
        return os.open(path or b".", flags, dir_fd=descriptor)
    finally:
        if descriptor != root:
            os.close(descriptor)


def resolve(tree: Tree, path: bytes, *, follow_last: bool = True) -> bytes:
    """The real path that ``path`` means, relative to the root, ``b""`` for the root itself.

    What does not exist is taken as it is written, from the first missing component on. Raises
    CiBuilderError for a loop of links.
    """
    with _mapped(path), Directories(tree) as directories:
        return _resolve(directories, path, follow_last)


def lookup(tree: Tree, path: bytes, follow: bool = True) -> os.stat_result | None:
    """The kernel's status of what ``path`` means, None when there is nothing. Raises CiBuilderError."""
    with _mapped(path), Directories(tree) as directories:
        try:
            place = directories.follow(path) if follow else directories.place(path)
            return os.stat(place.name, dir_fd=place.parent, follow_symlinks=False)
        except (FileNotFoundError, NotADirectoryError):
            return None


def open_file(tree: Tree, path: bytes) -> int:
    """Open the regular file that ``path`` means for reading; a descriptor. Raises OSError."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    with Directories(tree) as directories:
        place = directories.follow(path)
        descriptor = os.open(place.name, flags, dir_fd=place.parent)
    if not stat_module.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "not a regular file", path)
    return descriptor


def read_file(tree: Tree, path: bytes, limit: int) -> bytes | None:
    """The content of a file of at most ``limit`` bytes, None when there is none. Raises CiBuilderError."""
    with _mapped(path):
        try:
            descriptor = open_file(tree, path)
        except (FileNotFoundError, NotADirectoryError):
            return None
        with os.fdopen(descriptor, "rb") as file:
            data = file.read(limit + 1)
    if len(data) > limit:
        raise CiBuilderError(f"/{os.fsdecode(path)} is larger than {limit} bytes")
    return data


def _resolve(directories: Directories, path: bytes, follow_last: bool) -> bytes:
    real = b""
    pending = path.split(b"/")[::-1]
    budget = _MAX_LINKS
    while pending:
        part = pending.pop()
        if part in (b"", b"."):
            continue
        if part == b"..":
            real = os.path.dirname(real)
            continue
        target = None
        here = real + b"/" + part if real else part
        if pending or follow_last:
            target = _link_target(directories, here)
        if target is None:
            real = here
            continue
        budget -= 1
        if budget < 0:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
        real = b"" if target.startswith(b"/") else real
        pending += target.split(b"/")[::-1]
    return real


def _link_target(directories: Directories, path: bytes) -> bytes | None:
    try:
        place = directories.place(path)
        return os.readlink(place.name, dir_fd=place.parent)
    except OSError as error:
        if error.errno in (errno.EINVAL, errno.ENOENT, errno.ENOTDIR):
            return None
        raise


def _beside(path: bytes, target: bytes) -> bytes:
    return target if target.startswith(b"/") else os.path.dirname(path) + b"/" + target


@contextlib.contextmanager
def _mapped(path: bytes) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise CiBuilderError(f"cannot follow /{os.fsdecode(path.lstrip(b'/'))}: {error.strerror}") from error
