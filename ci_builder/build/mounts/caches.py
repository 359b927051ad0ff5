"""The folders of RUN --mount=type=cache: kept in the store from build to build, by id.

A folder has its lock beside it, whose time is that of the last use, and the record of its files' owners
where the kernel cannot hold them.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import itertools
import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from ci_builder.build.mounts.folders import new_file, tell_name
from ci_builder.build.mounts.kept import NOT_KEPT, Kept
from ci_builder.cache.mounts import MountName
from ci_builder.dockerfile.instructions.run_mount import RunMount
from ci_builder.errors import CiBuilderError
from ci_builder.rootfs.ownership import RecordedOwnership
from ci_builder.rootfs.record import PLAIN, Record, Records
from ci_builder.rootfs.root_folder import own_folder
from ci_builder.rootfs.tree import Ownership, Tree
from ci_builder.values import dataclass


@dataclass(frozen=True, slots=True)
class Caches:
    """``folder`` holds them. ``namespace`` sets builds apart (BUILDKIT_CACHE_MOUNT_NS). ``alone``: a folder
    can be used by one command at a time, whatever its mount says. ``waiting`` is told the id of a cache that
    another build uses. ``kept`` is where new ones may come from, ``failed`` is told why one did not."""

    folder: Path
    namespace: str
    alone: bool
    waiting: Callable[[str], None]
    kept: Kept = NOT_KEPT
    failed: Callable[[str], None] = lambda _: None

    @contextlib.contextmanager
    def open(self, mount: RunMount, tree: Tree, fill: Callable[[Tree], None]) -> Iterator[Path]:
        """The folder of ``mount``, for files of ``tree``'s ownership; a new one gets its content by
        ``fill``. Raises OSError and what ``fill`` raises."""
        kind = "recorded" if isinstance(tree.ownership, RecordedOwnership) else "kernel"
        named = "\0".join((kind, str(os.geteuid()), self.namespace, mount.id, mount.origin, mount.source))
        owner = _owner(mount)
        named += f"\0{owner}" if owner else ""
        base = self.folder / hashlib.sha256(named.encode("utf-8", "surrogateescape")).hexdigest()[:32]
        base.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = MountName(self.namespace, mount.id, mount.origin, mount.source, owner)
        tell_name(base, name)
        with self._locked(mount, base) as lock:
            files, record = lock.place / "files", lock.place / "owners"
            if self._is_new(files):
                with lock.alone():
                    if self._is_new(files):
                        _make(files, mount, tree, self._filled(name, mount, fill))
            with _records(Tree(str(files), tree.ownership), record):
                yield files
        self.kept.used(name, mount.sharing, partial(reading, lock.place, tree.ownership))

    def _is_new(self, files: Path) -> bool:
        """Whether it has to get its first content; where caches are kept elsewhere, an empty one, too."""
        return not _is_folder(files) or (self.kept is not NOT_KEPT and not any(files.iterdir()))

    def _filled(
        self, name: MountName, mount: RunMount, fill: Callable[[Tree], None]
    ) -> Callable[[Tree], None]:
        """What fills a new one: what is kept of it elsewhere, else what the mount says."""

        def filled(inside: Tree) -> None:
            try:
                if self.kept.bring(name, inside):
                    return
            except (CiBuilderError, OSError) as error:
                self.failed(f"the cache {name.id} begins empty: {error}")
                _empty(inside, mount)
            fill(inside)

        return filled

    @contextlib.contextmanager
    def _locked(self, mount: RunMount, base: Path) -> Iterator[_Lock]:
        if mount.sharing != "private":
            with _Lock(base / "0") as lock:
                shared = mount.sharing == "shared" and not self.alone
                lock.take(shared=shared, waiting=lambda: self.waiting(mount.id))
                yield lock
            return
        for number in itertools.count():
            with _Lock(base / str(number)) as lock:
                if lock.take_if_free():
                    yield lock
                    return


class _Lock:
    """The lock of one folder, which is made where it is missing."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self._kind = fcntl.LOCK_EX
        place.mkdir(mode=0o700, exist_ok=True)
        self._descriptor = os.open(place / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def __enter__(self) -> _Lock:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)

    def take(self, *, shared: bool, waiting: Callable[[], None]) -> None:
        """Wait for it."""
        self._kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        try:
            fcntl.flock(self._descriptor, self._kind | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(self._descriptor, self._kind)
        os.utime(self._descriptor)

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Meanwhile nobody else has it, who may have had it in between."""
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._descriptor, self._kind)

    def share_if_free(self) -> bool:
        """Whether it could be had together with others."""
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def take_if_free(self) -> bool:
        """Whether it could be had."""
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        os.utime(self._descriptor)
        return True


def _owner(mount: RunMount) -> str:
    """Who may write to it is part of what a cache is, as with BuildKit; empty for root's usual ones."""
    usual = mount.seeded or (mount.uid, mount.gid, mount.mode) == (0, 0, 0o755)
    return "" if usual else f"{mount.uid}:{mount.gid} {mount.mode:04o}"


def _is_folder(path: Path) -> bool:
    """A link would be somebody's attempt to have us show what it leads to."""
    return path.is_dir() and not path.is_symlink()


def _make(files: Path, mount: RunMount, tree: Tree, fill: Callable[[Tree], None]) -> None:
    """Complete under another name first: a build that is stopped leaves no half of it."""
    made = files.with_name("new")
    _clear(made)
    if _is_folder(files):
        files.rmdir()
    else:
        files.unlink(missing_ok=True)
    inside = Tree(str(made), tree.ownership)
    _begin(inside, mount)
    fill(inside)
    _write_records(inside, files.with_name("owners"), Records())
    os.rename(made, files)


def _begin(tree: Tree, mount: RunMount) -> None:
    """An empty folder, as its mount says. One that is seeded gets its owner with its content."""
    os.mkdir(tree.root, 0o755)
    if not mount.seeded:
        own_folder(tree, mount.uid, mount.gid, mount.mode)


def _empty(tree: Tree, mount: RunMount) -> None:
    """Remove everything in it, and what was recorded of that."""
    if isinstance(tree.ownership, RecordedOwnership):
        for key, _ in _files(tree.root):
            tree.ownership.records.drop(key)
    _clear(Path(tree.root))
    _begin(tree, mount)


@contextlib.contextmanager
def reading(place: Path, ownership: Ownership) -> Iterator[Tree | None]:
    """The files of the cache in ``place`` for reading, with ``ownership`` or the owners that are written
    down; None where somebody may change them now. Raises OSError."""
    with _Lock(place) as lock:
        if not lock.share_if_free():
            yield None
            return
        tree = Tree(str(place / "files"), ownership)
        if isinstance(ownership, RecordedOwnership):
            records = _read_records(tree, place / "owners")
            tree = Tree(tree.root, RecordedOwnership(ownership.own_uid, ownership.own_gid, records))
        yield tree


def _clear(folder: Path) -> None:
    if folder.is_symlink():
        folder.unlink()
    for root, folders, names in os.walk(folder, topdown=False):
        for name in names:
            os.unlink(os.path.join(root, name))
        for name in folders:
            path = os.path.join(root, name)
            if os.path.islink(path):
                os.unlink(path)
            else:
                os.rmdir(path)
    with contextlib.suppress(FileNotFoundError):
        os.rmdir(folder)


@contextlib.contextmanager
def _records(tree: Tree, file: Path) -> Iterator[None]:
    """What was recorded of the files in ``tree`` is known in its ownership meanwhile."""
    if not isinstance(tree.ownership, RecordedOwnership):
        yield
        return
    records = tree.ownership.records
    before = _read_records(tree, file)
    for key, record in before.items():
        records.put(key, record)
    try:
        yield
    finally:
        _write_records(tree, file, before)
        for key, _ in _files(tree.root):
            records.drop(key)


def _read_records(tree: Tree, file: Path) -> Records:
    """The records of what is there. In the file a device has the number 0: it may get another one."""
    known = Records()
    with contextlib.suppress(FileNotFoundError), file.open("rb") as content:
        known.read(content)
    inside = (key for key, _ in _files(tree.root))
    return Records((key, record) for key in inside if (record := known.get((0, key[1]))) is not None)


def _write_records(tree: Tree, file: Path, before: Records) -> None:
    """``before``: what was read at the beginning; what another command has written since then is kept."""
    if not isinstance(tree.ownership, RecordedOwnership):
        return
    with _alone(file.parent):
        kept, now = Records(), _read_records(tree, file)
        for key, _ in _files(tree.root):
            record = _merged(before.get(key), tree.ownership.records.get(key), now.get(key))
            if record is not None:
                kept.put((0, key[1]), record)
        with new_file(file) as content:
            kept.write(content)


def _merged(before: Record | None, mine: Record | None, now: Record | None) -> Record | None:
    """What is to be recorded of a file that was ``before`` so, when this command leaves it as ``mine`` and
    others have made it ``now``: of each field what was changed, by this command where both did."""
    if mine == before:
        return now
    if now == before or mine is None or now is None:
        return mine
    base = before or PLAIN
    uid = now.uid if mine.uid == base.uid else mine.uid
    gid = now.gid if mine.gid == base.gid else mine.gid
    mode = now.mode if mine.mode == base.mode else mine.mode
    device = now.device if mine.device == base.device else mine.device
    return Record(uid, gid, mode, device, now.xattrs if mine.xattrs == base.xattrs else mine.xattrs)


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """While it lasts no other command that shares the cache writes its owners: what was read would be old."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _files(root: str) -> Iterator[tuple[tuple[int, int], str]]:
    """Device and inode of every file, the root's too, and its path."""
    found = os.lstat(root)
    yield (found.st_dev, found.st_ino), root
    for folder, folders, names in os.walk(root):
        for name in (*folders, *names):
            path = os.path.join(folder, name)
            found = os.lstat(path)
            yield (found.st_dev, found.st_ino), path
