"""What executors have in common whose commands are the container's own root: no namespace, no pretending."""

from __future__ import annotations

import os
from pathlib import Path

from ci_builder.errors import ExecutorError
from ci_builder.executors.launcher import Launcher
from ci_builder.executors.linux import numbers as n
from ci_builder.executors.linux.calls import describe, look_up_hosts_without_modules, prctl
from ci_builder.executors.removal import remove_folder


def launcher_of_the_same_root() -> Launcher:
    """A launcher of a builder whose memory and environment its commands, of the same user, cannot read by
    /proc. Raises ExecutorError."""
    look_up_hosts_without_modules()
    try:
        prctl("PR_SET_DUMPABLE", n.PR_SET_DUMPABLE, 0)
    except OSError as error:
        raise ExecutorError(describe(error)) from error
    return Launcher()


def try_files(state: Path) -> None:
    """Do in the folder ``state`` what unpacking an image needs of root: owners, devices. Raises OSError."""
    folder = state / "trial"
    folder.mkdir()
    try:
        (folder / "file").write_bytes(b"")
        os.chown(folder / "file", 12345, 12345)
        os.mknod(folder / "null", 0o20666, os.makedev(1, 3))
    finally:
        remove_folder(str(folder))
