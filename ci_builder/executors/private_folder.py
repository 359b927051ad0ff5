"""A folder that nobody else can look into, gone when it is left; what a build that was killed left of its own
goes when the next one begins."""

from __future__ import annotations

import contextlib
import fcntl
import os
import struct
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ci_builder.errors import OutputError, Stopped
from ci_builder.executors.removal import release_folder
from ci_builder.patterns import pattern

# linux/fs.h
_GET_FLAGS, _SET_FLAGS = 0x80086601, 0x40086602
_TOP_DIRECTORY = 0x00020000
_PREFIX = "ci-builder-"
_NAME = pattern(r"ci-builder-[0-9a-f]{8}")
NAMES = r"ci-builder-(?:[a-z]+-)?[0-9a-f]{8}"
"""What passing folders of this program are called, whichever command makes them."""
_LOCK = ".in-use"
_MOST = 64


@contextlib.contextmanager
def passing_folder(parent: Path, prefix: str, *, may_stay: bool = False) -> Iterator[Path]:
    """A new folder of mode 0700 in ``parent`` that is gone afterwards, whatever is in it, mounts too, and
    whenever a signal comes: its name is known before it is there. Raises OSError when it cannot be made,
    OutputError when it cannot be removed, unless it ``may_stay`` then."""
    folder = parent / f"{prefix}{os.urandom(4).hex()}"
    is_ours = True
    try:
        try:
            os.mkdir(folder, 0o700)
        except FileExistsError:
            is_ours = False
            raise
        yield folder
    except BaseException:
        # Whatever went wrong is what people must hear of.
        if is_ours:
            with contextlib.suppress(OSError):
                _release(folder)
        raise
    try:
        _release(folder)
    except OSError as error:
        if not may_stay:
            raise OutputError(f"{folder} cannot be removed: {error.strerror}") from error


@contextlib.contextmanager
def private_folder(parent: Path) -> Iterator[Path]:
    """The same for a build. Raises OutputError when it cannot be made or removed."""
    with contextlib.ExitStack() as stack:
        held = stack.enter_context(contextlib.ExitStack())  # until the folder is gone
        try:
            _remove_abandoned(parent)
            folder = stack.enter_context(passing_folder(parent, _PREFIX))
            held.callback(os.close, _hold(folder))
            _spread(folder)
            inside = Path(tempfile.mkdtemp(prefix="", dir=folder))
        except OSError as error:
            raise OutputError(f"cannot make a folder in {parent}: {error.strerror}") from error
        yield inside


def _hold(folder: Path) -> int:
    """Mark it as one that is in use for as long as the descriptor is open here or in a child. There is no
    mark where the file system has no locks."""
    unmarked = folder / f"{_LOCK}.new"
    descriptor = os.open(unmarked, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        os.write(descriptor, _this_kernel())
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        unmarked.unlink()
    else:
        unmarked.rename(folder / _LOCK)
    return descriptor


def _remove_abandoned(parent: Path) -> None:
    """Remove the marked folders of this user in ``parent`` whose builds are no more: they were killed. What
    cannot be removed stays."""
    with contextlib.suppress(OSError):
        for entry in os.scandir(parent):
            if _NAME.fullmatch(entry.name):
                with contextlib.suppress(OSError):
                    _remove_if_abandoned(entry.path)


def _remove_if_abandoned(folder: str) -> None:
    if os.lstat(folder).st_uid != os.geteuid():
        return
    descriptor = os.open(os.path.join(folder, _LOCK), os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        # Over a network, others' locks may not be seen here.
        if os.read(descriptor, _MOST) != _this_kernel():
            return
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # The mark last: who is killed while doing it leaves it to the next one.
        for name in os.listdir(folder):
            if name != _LOCK:
                _release_closed(os.path.join(folder, name))
        release_folder(folder)
    finally:
        os.close(descriptor)


def _release_closed(folder: str) -> None:
    """What nobody but root may write to, too, which a build as a user has in namespaces."""
    try:
        release_folder(folder)
    except PermissionError:
        for above, folders, _ in os.walk(folder):
            for path in (os.path.join(above, name) for name in folders):
                if not os.path.islink(path):
                    os.chmod(path, 0o700)
        release_folder(folder)


def _this_kernel() -> bytes:
    """What no other machine, nor this one after its next start, calls itself (random(4)). Raises OSError."""
    with open("/proc/sys/kernel/random/boot_id", "rb") as file:
        return file.read(_MOST)


def _release(folder: Path) -> None:
    """Also when a signal comes in between; a second one ends the process."""
    try:
        release_folder(str(folder))
    except Stopped:
        release_folder(str(folder))
        raise


def _spread(folder: Path) -> None:
    """Have ext4 put each new folder in ``folder`` in a part of the disk of its own (chattr +T).

    It hands out no inode again for a minute or more, and looks through all those of the part that were
    deleted lately for each file that is made there (fs/ext4/ialloc.c, recently_deleted): where a build has
    just been cleaned up, making a file takes ten times as long. Other file systems have no such flag.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with contextlib.suppress(OSError):
            (flags,) = struct.unpack("l", fcntl.ioctl(descriptor, _GET_FLAGS, bytes(8)))
            fcntl.ioctl(descriptor, _SET_FLAGS, struct.pack("l", flags | _TOP_DIRECTORY))
    finally:
        os.close(descriptor)
