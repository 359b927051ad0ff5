"""Facts of these surroundings: what is parsed, and what is tried for real."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

import pytest

from ci_builder.executors.linux.capability_names import ALL, names
from ci_builder.executors.linux.mount_table import MountPoint
from ci_builder.executors.surroundings.attempts import try_everything
from ci_builder.executors.surroundings.disk import room
from ci_builder.executors.surroundings.limits import cpu_share, limits, own_group
from ci_builder.executors.surroundings.mounts import Foreign, container, foreign
from ci_builder.executors.surroundings.process import capability_set, standing
from ci_builder.executors.surroundings.sysctls import read_sysctls

_HEADERS = Path("/usr/include/linux/capability.h")


def test_names_of_capabilities() -> None:
    assert names([21, 0, 40, 63]) == ("CHOWN", "SYS_ADMIN", "CHECKPOINT_RESTORE", "CAP_63")
    assert capability_set("00000000a80425fb")[-3:] == ("MKNOD", "AUDIT_WRITE", "SETFCAP")
    assert capability_set("0000000000000000") == ()


@pytest.mark.skipif(not _HEADERS.exists(), reason="the kernel's headers are not installed")
def test_the_names_are_the_kernels() -> None:
    rows = [line.split() for line in _HEADERS.read_text().splitlines() if line.startswith("#define CAP_")]
    known = {int(row[2]): row[1].removeprefix("CAP_") for row in rows if len(row) > 2 and row[2].isdigit()}
    assert tuple(known[number] for number in range(len(known))) == ALL


def test_this_process() -> None:
    found = standing()
    assert (found.uid, found.user) == (os.geteuid(), pwd.getpwuid(os.geteuid()).pw_name)
    assert found.seccomp in ("none", "filter")
    assert set(found.capabilities) <= set(found.bounding)


def test_attempts_leave_nothing_behind(tmp_path: Path) -> None:
    before = (os.geteuid(), os.readlink("/proc/self/ns/mnt"), os.readlink("/proc/self/ns/user"))
    permitted = try_everything(tmp_path)
    assert (os.geteuid(), os.readlink("/proc/self/ns/mnt"), os.readlink("/proc/self/ns/user")) == before
    assert list(tmp_path.iterdir()) == []
    assert bool(permitted.ids) is permitted.user_namespaces.ok
    for attempt in (permitted.user_namespaces, permitted.overlay, permitted.ptrace):
        assert attempt.detail


def test_sysctls(tmp_path: Path) -> None:
    (tmp_path / "kernel/yama").mkdir(parents=True)
    (tmp_path / "kernel/yama/ptrace_scope").write_text("2\n")
    assert read_sysctls(("kernel.yama.ptrace_scope", "kernel.missing"), tmp_path) == (
        ("kernel.yama.ptrace_scope", "2"),
    )


def test_room(tmp_path: Path) -> None:
    found = room(tmp_path / "not" / "yet")
    assert (found.path, found.writable, found.read_only) == (str(tmp_path / "not/yet"), True, False)
    assert 0 < found.free <= found.total
    (tmp_path / "file").touch()
    assert room(tmp_path / "file" / "below").writable
    assert not room(Path("/proc/self")).writable


def test_limits() -> None:
    assert (cpu_share("150000 100000"), cpu_share("max 100000")) == (1.5, None)
    assert (cpu_share("-1 100000"), cpu_share(" "), cpu_share("1 0")) == (None, None, None)
    unified = "0::/a/b\n"
    old = "12:memory:/m\n3:cpu,cpuacct:/c\n0::/u\n"
    assert (own_group(unified, ""), own_group(unified, "memory")) == ("/a/b", "/")
    assert (own_group(old, "cpu"), own_group(old, "memory"), own_group(old, "")) == ("/c", "/m", "/u")
    found = limits()
    assert found.machine_memory > 0
    assert found.usable_cpus == len(os.sched_getaffinity(0))


def test_mounts() -> None:
    mounts = (
        MountPoint(b"/", "ext4"),
        MountPoint(b"/proc", "proc"),
        MountPoint(b"/dev/shm", "tmpfs"),
        MountPoint(b"/work", "ext4"),
        MountPoint(b"/device", "ext4"),
        MountPoint(b"/work", "tmpfs"),
    )
    assert foreign(mounts) == (Foreign("/device", "ext4"), Foreign("/work", "tmpfs"))
    assert container().evidence.root_kind
