"""Reading /proc/self/mountinfo."""

from __future__ import annotations

from ci_builder.executors.linux.mount_table import MountPoint, parse_mounts

LINES = (
    b"22 28 0:20 / /sys rw,nosuid shared:7 - sysfs sysfs rw\n",
    b"28 1 0:45 / / rw,relatime master:1 - overlay overlay rw,lowerdir=/a:/b - c\n",
    b"36 35 98:0 /mnt1 /mnt\\0402\\134x rw - ext4 /dev/root rw,errors=continue\n",
    b"40 28 0:50 / /no-options rw - tmpfs tmpfs rw\n",
)


def test_places_and_kinds() -> None:
    assert parse_mounts(LINES) == (
        MountPoint(b"/sys", "sysfs"),
        MountPoint(b"/", "overlay"),
        MountPoint(b"/mnt 2\\x", "ext4"),
        MountPoint(b"/no-options", "tmpfs"),
    )
