"""Applying one layer to a tree (OCI image spec, layer.md).

Names are resolved inside the root, as docker and containerd do: an entry below a symbolic link lands
where the link points to within the root. What exists is replaced unless both are directories. What the
tree holds back is left alone. Owners come first, then permissions, attributes, times; those of
directories last of all.
"""

from __future__ import annotations

import errno
import marshal
import os
import posixpath
import stat as stat_module
from collections.abc import Iterable, Iterator, Set

from ci_builder.errors import CiBuilderError, ExecutorError, ImageError, OutputError, UnsafeLayer
from ci_builder.packed import Sorter
from ci_builder.rootfs import whiteout
from ci_builder.rootfs.metadata import (
    Metadata,
    copy_metadata,
    read_metadata,
    set_metadata,
    set_open_metadata,
)
from ci_builder.rootfs.ownership import KernelOwnership
from ci_builder.rootfs.paths import Directories, HeldBack, Place
from ci_builder.rootfs.remove import remove
from ci_builder.rootfs.seen import Seen
from ci_builder.rootfs.tar_reader import Entry, TarReader
from ci_builder.rootfs.tree import KERNEL_FOLDERS, Tree
from ci_builder.rootfs.xattrs import clear_xattrs
from ci_builder.values import replace

_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_TYPES = {
    "file": stat_module.S_IFREG,
    "symlink": stat_module.S_IFLNK,
    "character": stat_module.S_IFCHR,
    "block": stat_module.S_IFBLK,
    "directory": stat_module.S_IFDIR,
    "fifo": stat_module.S_IFIFO,
}
# What a container engine puts into every container, whatever the image has there.
_ENGINE_FILES = (b"etc/hosts", b"etc/hostname", b"etc/resolv.conf", b"etc/mtab")
# A whiteout's name may be longer than that of what it hides.
_MAX_PATH = whiteout.MAX_PATH + len(whiteout.OPAQUE) + 1
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)
_REFUSED = (errno.EPERM, errno.EACCES, errno.ENOTSUP, errno.EINVAL)


def unpack(
    blocks: Iterable[bytes],
    tree: Tree,
    *,
    keep: Set[bytes] | None = None,
    whiteouts: bool = True,
    owner: tuple[int, int] | None = None,
) -> None:
    """Apply the layer whose uncompressed tar comes in ``blocks``.

    ``keep``: None to unpack all content; else every regular file is made empty but those of these paths
    (relative): a skeleton to resolve names in. ``whiteouts=False`` takes names that begin with ``.wh.``
    as they are (an archive that is no layer), and what it says of its own top folder does not count, as in
    docker; ``owner`` (uid, gid) takes the place of those in the tar.
    Raises ImageError, UnsafeLayer; ExecutorError where the
    kernel refuses an owner, a device or an attribute; OutputError for a full disk; and what
    ``blocks`` raises.
    """
    reader = TarReader(_guarded(blocks))
    with Directories(tree) as directories:
        work = _Unpacking(directories, reader, keep)
        name = b""
        try:
            for entry in reader:
                name = entry.name
                path = clean_name(name)
                if whiteouts and path.startswith(whiteout.PREFIX, path.rfind(b"/") + 1):
                    whiteout.apply_whiteout(directories, path, work.seen)
                elif path or whiteouts or entry.kind != "directory":
                    work.add(entry if owner is None else replace(entry, uid=owner[0], gid=owner[1]), path)
            name = b""
            work.finish()
        except _StreamFailed as failed:
            raise failed.error from failed
        except (OSError, OverflowError) as error:
            raise _explained(error, name, tree) from error


class _StreamFailed(Exception):
    """The blocks could not be read: no fault of the tree."""

    def __init__(self, error: OSError) -> None:
        super().__init__(str(error))
        self.error = error


def _guarded(blocks: Iterable[bytes]) -> Iterator[bytes]:
    try:
        yield from blocks
    except OSError as error:
        raise _StreamFailed(error) from error


def clean_name(name: bytes) -> bytes:
    """A name of a layer, relative to the root, ``b""`` for the root. Raises UnsafeLayer for ``..``
    that leaves it and for names that no file can have."""
    clean = name.removeprefix(b"./").rstrip(b"/")
    if clean and clean[0] not in b"./" and not (b"//" in clean or b"/." in clean or len(clean) > _MAX_PATH):
        return clean  # as nearly all are
    clean = posixpath.normpath(name.lstrip(b"/") or b".")
    if clean == b".." or clean.startswith(b"../"):
        raise UnsafeLayer(f"a layer has the name {os.fsdecode(name)!r}, which leads out of the root")
    if len(clean) > _MAX_PATH:
        raise UnsafeLayer(f"a layer has a name of {len(clean)} bytes")
    return b"" if clean == b"." else clean


class _Unpacking:
    """One layer on its way into a tree."""

    def __init__(self, directories: Directories, reader: TarReader, keep: Set[bytes] | None) -> None:
        self.seen = Seen()
        self._last = b""  # the directory of the last entry
        self._directories = directories
        self._tree = directories.tree
        self._reader = reader
        self._keep = keep
        self._is_kernels = isinstance(directories.tree.ownership, KernelOwnership)
        self._later = Sorter()
        self._count = 0

    def add(self, entry: Entry, path: bytes) -> None:
        """Apply one entry with its clean name. Raises OSError as well."""
        try:
            place = self._directories.place(path, create=True)
        except HeldBack:
            _left_out(entry, path, inside=True)
            return
        if place.held_back:
            _left_out(entry, place.path, inside=not self._is_exactly_held(place.path))
            return
        if entry.kind == "directory":
            self._directory(entry, place)
        elif not place.path:
            raise UnsafeLayer("a layer wants to replace the root directory")
        elif entry.kind == "link":
            self._link(entry, place)
        else:
            self._other(entry, place)
        self._mark(place.path)

    def _is_exactly_held(self, path: bytes) -> bool:
        return b"/" + path in self._tree.untouchable

    def finish(self) -> None:
        """Owners, permissions, attributes and times of directories, the deepest first. Raises OSError."""
        done: bytes | None = None
        for item in reversed(self._later.packed()):
            path, metadata = _kept(item)
            if path != done:
                done = path
                self._settle(path, metadata)

    def _settle(self, path: bytes, metadata: Metadata) -> None:
        try:
            place = self._directories.place(path)
            status = _status(place)
        except (FileNotFoundError, NotADirectoryError):
            return
        # It may have been replaced by a later entry, which has its own metadata.
        if place.path == path and stat_module.S_ISDIR(status.st_mode):
            set_metadata(self._tree.ownership, place.parent, place.name, metadata)

    def _mark(self, path: bytes) -> None:
        """See it and the directories above it."""
        above = path.rpartition(b"/")[0]
        if not self.seen.add(path) or above == self._last:
            return
        self._last = above
        while above and self.seen.add(above):
            above = above.rpartition(b"/")[0]

    def _directory(self, entry: Entry, place: Place) -> None:
        self._count += 1
        self._later.add(_to_keep(place.path, self._count, _metadata(entry)))
        if not place.path:
            return
        try:
            os.mkdir(place.name, 0o700, dir_fd=place.parent)
        except FileExistsError:
            if stat_module.S_ISDIR(_status(place).st_mode):
                clear_xattrs(place.parent, place.name)
            else:
                self._clear(place)
                os.mkdir(place.name, 0o700, dir_fd=place.parent)

    def _other(self, entry: Entry, place: Place) -> None:
        make = self._file if entry.kind == "file" else self._special
        try:
            make(entry, place)
        except FileExistsError:
            self._clear(place)
            make(entry, place)

    def _file(self, entry: Entry, place: Place) -> None:
        metadata = _metadata(entry)
        descriptor = os.open(place.name, _NEW_FILE, 0o600, dir_fd=place.parent)
        try:
            if entry.size and (self._keep is None or place.path in self._keep):
                self._reader.copy_to(descriptor)
            if self._is_kernels:
                set_open_metadata(descriptor, metadata)
        finally:
            os.close(descriptor)
        if not self._is_kernels:
            set_metadata(self._tree.ownership, place.parent, place.name, metadata)

    def _special(self, entry: Entry, place: Place) -> None:
        if entry.kind == "symlink":
            os.symlink(entry.link, place.name, dir_fd=place.parent)
        else:
            mode = _TYPES[entry.kind] | entry.mode
            self._tree.ownership.mknod(place.parent, place.name, mode, entry.device)
        set_metadata(self._tree.ownership, place.parent, place.name, _metadata(entry))

    def _link(self, entry: Entry, place: Place) -> None:
        """A hard link. Owner and permissions that differ from the file's are applied, as docker does."""
        target = clean_name(entry.link)
        parent = os.dup(place.parent)  # resolving the target may close it
        try:
            here = Place(parent, place.name, place.path)
            source = self._link_source(target, place.path)
            if source.path == here.path:
                return
            try:
                self._make_link(source, here)
            except FileExistsError:
                self._clear(here)
                self._make_link(self._link_source(target, place.path), here)
            self._adapt(entry, here)
        finally:
            os.close(parent)

    def _adapt(self, entry: Entry, here: Place) -> None:
        ownership = self._tree.ownership
        metadata, _ = read_metadata(ownership, here.parent, here.name)
        kind = stat_module.S_IFMT(metadata.mode)
        wanted = (entry.uid, entry.gid, kind | entry.mode)
        if stat_module.S_ISLNK(kind) or (metadata.uid, metadata.gid, metadata.mode) == wanted:
            return
        mode = kind | entry.mode
        changed = replace(
            metadata, uid=entry.uid, gid=entry.gid, mode=mode, xattrs=entry.xattrs or metadata.xattrs
        )
        set_metadata(ownership, here.parent, here.name, changed)

    def _make_link(self, source: Place, here: Place) -> None:
        status = _status(source)
        if self._keep is None or source.path in self._keep or not stat_module.S_ISREG(status.st_mode):
            _hard_link(source, here)
            return
        # In a skeleton a name is a file of its own: replacing one must not change the status of the others.
        os.close(os.open(here.name, _NEW_FILE, 0o600, dir_fd=here.parent))
        ownership = self._tree.ownership
        copy_metadata((ownership, source.parent, source.name), (ownership, here.parent, here.name))

    def _link_source(self, target: bytes, path: bytes) -> Place:
        what = f"/{os.fsdecode(path)} in a layer is a hard link to /{os.fsdecode(target)}"
        try:
            source = self._directories.place(target)
            status = _status(source)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise ImageError(f"{what}, which is missing") from error
        if source.held_back:
            raise ImageError(f"{what}, which belongs to the surroundings of this build")
        if stat_module.S_ISDIR(status.st_mode):
            raise UnsafeLayer(f"{what}, which is a directory")
        return source

    def _clear(self, place: Place) -> None:
        """Make way for something else."""
        status = _status(place)
        if not remove(self._tree, place):
            raise ImageError(
                f"a layer replaces the directory /{os.fsdecode(place.path)}, but something is mounted in it"
            )
        if stat_module.S_ISDIR(status.st_mode) or stat_module.S_ISLNK(status.st_mode):
            self._directories.forget(keep=place.parent)


def _left_out(entry: Entry, path: bytes, *, inside: bool) -> None:
    """Accept that an entry is left out, where every container has something of its own in its place, or
    where it is but the folder that something is mounted on. Raises ImageError for everything else."""
    if path.split(b"/")[0] in KERNEL_FOLDERS or path in _ENGINE_FILES:
        return
    if entry.kind == "directory" and not inside:
        return
    raise ImageError(
        f"a layer has /{os.fsdecode(path)}, where something of this job is mounted or kept",
        hint="mount it at a path that the image does not use",
    )


def _hard_link(source: Place, here: Place) -> None:
    os.link(source.name, here.name, src_dir_fd=source.parent, dst_dir_fd=here.parent, follow_symlinks=False)


def _status(place: Place) -> os.stat_result:
    return os.stat(place.name, dir_fd=place.parent, follow_symlinks=False)


def _to_keep(path: bytes, number: int, metadata: Metadata) -> bytes:
    """One item to sort by path, then by number."""
    values = (metadata.mode, metadata.uid, metadata.gid, metadata.mtime_ns, metadata.xattrs)
    return b"%s\0\0%010d%s" % (path.replace(b"/", b"\0"), number, marshal.dumps(values).hex().encode())


def _kept(item: bytes) -> tuple[bytes, Metadata]:
    """The inverse of ``_to_keep``, without the number."""
    path, _, rest = item.rpartition(b"\0\0")
    values = marshal.loads(bytes.fromhex(rest[10:].decode()))  # noqa: S302 our own data
    return path.replace(b"\0", b"/"), Metadata(*values)


def _metadata(entry: Entry) -> Metadata:
    mode = _TYPES[entry.kind] | entry.mode
    return Metadata(mode, entry.uid, entry.gid, entry.mtime_ns, entry.xattrs)


def _explained(error: OSError | OverflowError, name: bytes, tree: Tree) -> CiBuilderError:
    """What to tell people of a system call that failed for the entry ``name``."""
    where = f"/{os.fsdecode(clean_name(name))}"
    if isinstance(error, OverflowError):
        return ImageError(f"{where} in a layer has a number that no file can have: {error}")
    reason = error.strerror or str(error)
    if error.errno in _FULL:
        return OutputError(f"cannot unpack {where} into {tree.root}: {reason}")
    if error.errno in _REFUSED:
        return ExecutorError(
            f"the kernel refuses the owner, device or attributes of {where} in a layer: {reason}",
            hint="an executor with full id maps, or one that records ownership, keeps them",
        )
    return ImageError(f"cannot unpack {where} of a layer: {reason}")
