"""The floor: commands in a plain chroot as root, with /proc, /dev and /sys, and nothing else."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

from ci_builder.executors.interface import Process, Verdict, Workspace
from ci_builder.executors.linux import numbers as n
from ci_builder.executors.linux.calls import mount, umount, unshare
from ci_builder.executors.removal import remove_folder
from ci_builder.oci.image import Image
from ci_builder.rootfs.apply import apply_layers
from ci_builder.rootfs.changes import NO_CHANGES, Changes
from ci_builder.rootfs.ownership import KernelOwnership
from ci_builder.rootfs.tree import Tree

_MOUNTED = ("proc", "dev", "sys")


class NativeExecutor:
    """See Executor; it isolates nothing and is for comparison only."""

    name = "native"

    def __init__(self, state: Path) -> None:
        self._state = state
        self._count = 0

    def probe(self) -> Verdict:
        """See Executor."""
        return Verdict(os.geteuid() == 0, "chroot needs root")

    def enter(self) -> None:
        """See Executor."""
        unshare(n.CLONE_NEWNS)
        mount("none", "/", flags=n.MS_REC | n.MS_PRIVATE)

    def workspace(self, image: Image, *, writable: bool = True) -> Workspace:
        """See Executor."""
        self._count += 1
        folder = self._state / f"n{self._count}"
        folder.mkdir(mode=0o755)
        tree = Tree(str(folder), KernelOwnership())
        apply_layers(image.layers, tree)
        for name in _MOUNTED:
            mount(f"/{name}", str(folder / name), flags=n.MS_BIND)
        return NativeWorkspace(tree, folder)


class NativeWorkspace:
    """See Workspace."""

    def __init__(self, tree: Tree, folder: Path) -> None:
        self._tree = tree
        self._folder = folder

    @property
    def tree(self) -> Tree:
        """See Workspace."""
        return self._tree

    def run(self, process: Process, output: Callable[[bytes], None]) -> int:
        """See Workspace."""
        # Python ignores SIGPIPE; a command must not.
        with subprocess.Popen(
            ["chroot", str(self._folder), *process.argv],
            env=dict(process.env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            restore_signals=True,
        ) as running:
            assert running.stdout is not None
            while data := os.read(running.stdout.fileno(), 1 << 16):
                output(data)
            code = running.wait()
        return code if code >= 0 else 128 + signal.Signals(-code)

    def changes(self) -> Changes:
        """See Workspace. Not found out."""
        return NO_CHANGES

    def close(self) -> None:
        """See Workspace."""
        if self._folder.exists():
            for name in _MOUNTED:
                umount(str(self._folder / name))
            remove_folder(str(self._folder))
