"""One mount of a command in its private root (mount(2))."""

from __future__ import annotations

import errno
import os
import stat as stat_module
import struct

from ci_builder.executors.interface import Mount
from ci_builder.executors.linux import numbers as n
from ci_builder.executors.linux.architecture import of_this_machine
from ci_builder.executors.linux.calls import make_read_only, mount, system_call

_IN_ROOT = 0x10
_HOW = struct.Struct("=QQQ")
_PATH = os.O_PATH | os.O_CLOEXEC
_KEPT = n.MS_NOSUID | n.MS_NODEV | n.MS_NOEXEC | n.MS_RDONLY


def mount_in(folder: str, item: Mount, *, guard: bool) -> None:
    """Mount ``item`` in the root file system at ``folder``. What an earlier mount shows may hold symbolic
    links: none leads out of the folder. What is missing is made. ``guard``: this is the machine's root.
    Raises OSError that names the place."""
    try:
        target = _target(folder, item)
        try:
            _mount(item, f"/proc/self/fd/{target}", guard)
        finally:
            os.close(target)
    except OSError as error:
        raise OSError(error.errno, error.strerror, f"mount at {item.place}") from error


def _mount(item: Mount, target: str, guard: bool) -> None:
    if item.size:
        options = f"mode=1777,size={item.size}"
        mount("tmpfs", target, "tmpfs", n.MS_NOSUID | n.MS_NODEV, options)
        return
    host = os.open(item.host, _PATH | os.O_NOFOLLOW)
    try:
        if stat_module.S_ISLNK(os.fstat(host).st_mode):
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        mount(f"/proc/self/fd/{host}", target, flags=n.MS_BIND)
    finally:
        os.close(host)
    # The descriptor still means what lies under the mount.
    above = os.path.realpath(target)
    kept = os.statvfs(above).f_flag & _KEPT
    if guard:
        # A device node in a cache must not open the machine's disk.
        kept |= n.MS_NODEV
        mount("none", above, flags=n.MS_BIND | n.MS_REMOUNT | kept)
    if item.read_only:
        try:
            make_read_only(above)
        except OSError:
            # Before Linux 5.12.
            mount("none", above, flags=n.MS_BIND | n.MS_REMOUNT | n.MS_RDONLY | kept)


def _target(folder: str, item: Mount) -> int:
    """A descriptor of the place, made where it is missing."""
    root = os.open(folder, _PATH | os.O_DIRECTORY)
    try:
        is_folder = os.path.isdir(item.host)
        parts = [part for part in os.fsencode(item.place).split(b"/") if part]
        here = b"."
        for count, part in enumerate(parts, 1):
            above, here = here, here + b"/" + part
            try:
                os.close(_open(root, here))
            except FileNotFoundError:
                _make(root, (above, part), is_folder=count < len(parts) or is_folder)
        return _open(root, here)
    finally:
        os.close(root)


def _make(root: int, where: tuple[bytes, bytes], *, is_folder: bool) -> None:
    parent = _open(root, where[0])
    try:
        if is_folder:
            os.mkdir(where[1], 0o755, dir_fd=parent)
        else:
            os.close(os.open(where[1], os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644, dir_fd=parent))
    except FileExistsError as error:
        # A link to what is not there.
        raise OSError(errno.ENOENT, os.strerror(errno.ENOENT)) from error
    finally:
        os.close(parent)


def _open(root: int, path: bytes) -> int:
    number = of_this_machine().calls["openat2"]
    return system_call("openat2", number, root, path, _HOW.pack(_PATH, 0, _IN_ROOT), _HOW.size)
