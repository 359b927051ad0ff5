"""Turns a folder into the root of this process: mounts, devices, then the change of root.

Runs as process 1 of a new process namespace, in new mount, IPC and UTS namespaces. What docker mounts
is mounted (OCI runtime spec, config-linux.md, "Default Filesystems" and "Default Devices").
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import socket
import stat as stat_module
import struct
from collections.abc import Sequence

from ci_builder.executors.interface import Mount
from ci_builder.executors.launch import PrivateRoot
from ci_builder.executors.linux import numbers as n
from ci_builder.executors.linux.calls import make_read_only, mount, pivot_root, umount
from ci_builder.executors.linux.mount_table import read_mounts
from ci_builder.executors.mounting import mount_in

_DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
_LINKS = (
    ("fd", "/proc/self/fd"),
    ("stdin", "/proc/self/fd/0"),
    ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"),
    ("ptmx", "pts/ptmx"),
)
# As in docker's default specification (moby, oci/defaults.go).
_MASKED = (
    "/proc/asound",
    "/proc/acpi",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/sys/firmware",
)
_READ_ONLY = ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger")
_SAFE = n.MS_NOSUID | n.MS_NODEV | n.MS_NOEXEC
_SIOCSIFFLAGS = 0x8914
_IFF_UP_RUNNING = 0x41
_PTS = "newinstance,ptmxmode=0666,mode=0620"


def enter_private_root(root: PrivateRoot, mounts: Sequence[Mount] = ()) -> None:
    """Make ``root`` this process's ``/``, in the namespaces it was started in, with ``mounts`` in it.
    Raises OSError."""
    mount("none", "/", flags=n.MS_REC | n.MS_PRIVATE)
    mount(root.folder, root.folder, flags=n.MS_BIND)
    if root.guard:
        # A device node made by RUN must not open the machine's disk.
        mount("none", root.folder, flags=n.MS_BIND | n.MS_REMOUNT | n.MS_NODEV | _kept_flags(root.folder))
    _mount_proc(root)
    _mount_sys(root)
    _mount_dev(root.folder)
    for outside, inside in root.files:
        _mount_file(outside, root.folder + inside)
    for item in mounts:
        mount_in(root.folder, item, guard=root.guard)
    _restrict(root)
    _change_root(root.folder)
    socket.sethostname(root.hostname)
    if not root.network:
        _start_loopback()


def _kept_flags(folder: str) -> int:
    flags = os.statvfs(folder).f_flag
    return flags & (n.MS_NOSUID | n.MS_NOEXEC | n.MS_RDONLY)


def _mount_proc(root: PrivateRoot) -> None:
    target = root.folder + "/proc"
    try:
        mount("proc", target, "proc", _SAFE)
    except OSError:
        if root.guard:
            raise
        # Inside a container whose own /proc is partly hidden a fresh one is refused.
        mount("/proc", target, flags=n.MS_BIND | n.MS_REC)


def _mount_sys(root: PrivateRoot) -> None:
    target = root.folder + "/sys"
    if root.guard:
        # A new one: the machine's own has file systems mounted in it that are nobody's business.
        mount("sysfs", target, "sysfs", n.MS_RDONLY | _SAFE)
        if os.path.isdir(target + "/fs/cgroup"):
            _bind_read_only("/sys/fs/cgroup", target + "/fs/cgroup")
        return
    # A user namespace may mount sysfs only together with a network namespace.
    _bind_read_only("/sys", target)


def _bind_read_only(source: str, target: str) -> None:
    """Bind a tree of mounts read-only, or not at all: nothing depends on it."""
    try:
        mount(source, target, flags=n.MS_BIND | n.MS_REC)
    except OSError:
        return
    try:
        make_read_only(target)
    except OSError:
        umount(target)


def _mount_dev(folder: str) -> None:
    dev = folder + "/dev"
    mount("tmpfs", dev, "tmpfs", n.MS_NOSUID, "mode=755,size=65536k")
    for name in _DEVICES:
        if os.path.exists("/dev/" + name):
            _make_device("/dev/" + name, f"{dev}/{name}")
    for name, target in _LINKS:
        os.symlink(target, f"{dev}/{name}")
    for name in ("pts", "shm", "mqueue"):
        os.mkdir(f"{dev}/{name}")
    _mount_first(f"{dev}/pts", "devpts", (f"{_PTS},gid=5", _PTS), n.MS_NOSUID | n.MS_NOEXEC)
    _mount_first(f"{dev}/shm", "tmpfs", ("mode=1777",), _SAFE)
    _mount_first(f"{dev}/mqueue", "mqueue", ("",), _SAFE)


def _make_device(outside: str, target: str) -> None:
    """The command's own, to which it may do what it wants; where none can be made (a user namespace, no
    CAP_MKNOD) the one outside, whose owner and mode it cannot change."""
    try:
        found = os.stat(outside)
        if not stat_module.S_ISCHR(found.st_mode):
            raise OSError(errno.ENODEV, os.strerror(errno.ENODEV), outside)
        os.mknod(target, stat_module.S_IFCHR | 0o666, found.st_rdev)
        os.chmod(target, 0o666)  # whatever the umask is
        os.close(os.open(target, os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK))
    except OSError as error:
        if error.errno == errno.ENXIO and outside == "/dev/tty":
            return  # there is no terminal
        with contextlib.suppress(FileNotFoundError):
            os.unlink(target)
        with open(target, "xb"):
            pass
        mount(outside, target, flags=n.MS_BIND)
        with contextlib.suppress(OSError):
            mount("none", target, flags=n.MS_BIND | n.MS_REMOUNT | n.MS_RDONLY | n.MS_NOSUID | n.MS_NOEXEC)


def _mount_first(target: str, kind: str, options: tuple[str, ...], flags: int) -> None:
    # The first that is permitted; a command that needs none of them must not fail for their lack.
    for candidate in options:
        try:
            mount(kind, target, kind, flags, candidate)
        except OSError:
            continue
        return


def _mount_file(outside: str, target: str) -> None:
    mount(outside, target, flags=n.MS_BIND)
    mount("none", target, flags=n.MS_BIND | n.MS_REMOUNT | n.MS_RDONLY | _SAFE)


def _restrict(root: PrivateRoot) -> None:
    for action, paths in ((_make_read_only, _READ_ONLY), (_hide, _MASKED)):
        for target in (root.folder + path for path in paths):
            if not os.path.lexists(target):
                continue
            try:
                action(target)
            except OSError:
                # In a user namespace the kernel itself refuses what these are for.
                if root.guard:
                    raise


def _make_read_only(target: str) -> None:
    mount(target, target, flags=n.MS_BIND | n.MS_REC)
    mount("none", target, flags=n.MS_BIND | n.MS_REMOUNT | n.MS_RDONLY | _SAFE)


def _hide(target: str) -> None:
    if os.path.isdir(target):
        mount("tmpfs", target, "tmpfs", n.MS_RDONLY)
    else:
        mount("/dev/null", target, flags=n.MS_BIND)


def _change_root(folder: str) -> None:
    os.chdir(folder)
    try:
        pivot_root(".", ".")
    except OSError:
        _move_root(folder)
        return
    # The old root lies on top of the new one now, at the same place.
    umount(".")
    os.chdir("/")


def _move_root(folder: str) -> None:
    """Where pivot_root is refused (docker's seccomp profile with CAP_SYS_ADMIN)."""
    inside = os.fsencode(folder)
    for point in reversed(read_mounts()):
        if point.path not in (b"/", inside) and not point.path.startswith(inside + b"/"):
            umount(os.fsdecode(point.path))
    mount(".", "/", flags=n.MS_MOVE)
    os.chroot(".")
    os.chdir("/")


def _start_loopback() -> None:
    # Root with mount rights but without network rights cannot: then there is no network at all.
    with (
        contextlib.suppress(PermissionError),
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control,
    ):
        fcntl.ioctl(control, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", _IFF_UP_RUNNING))
