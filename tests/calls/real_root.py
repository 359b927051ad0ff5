"""What is held against: a real chroot by root with docker's default capabilities, made by Debian's own
tools in a mount namespace, with /proc and /dev in it."""

from __future__ import annotations

import itertools
import subprocess
from collections.abc import Callable
from pathlib import Path

from ci_builder.executors.folder_workspace import FolderWorkspace
from ci_builder.executors.interface import Process, Verdict, Workspace
from ci_builder.executors.launcher import Ended
from ci_builder.executors.mount_points import Untouched
from ci_builder.oci.image import Image
from ci_builder.rootfs.apply import apply_layers
from ci_builder.rootfs.ownership import KernelOwnership
from ci_builder.rootfs.tree import Tree
from tests.servers.container import DEVICES, RIGHTS

# What is left over when the first process ends is killed; a signal to it would not be an ordinary one, but
# the script runs in its child.
_NAMESPACES = ("unshare", "--mount", "--pid", "--net", "--fork", "--kill-child")
_SCRIPT = f"""
root=$1; shift
umask 022
{DEVICES}
exec {RIGHTS} chroot "$root" "$@"
"""


class RealRoot:
    """See Executor."""

    name = "real"

    def __init__(self, state: Path) -> None:
        self._state = state
        self._numbers = itertools.count(1)

    def probe(self) -> Verdict:
        """See Executor."""
        return Verdict(True, "")

    def enter(self) -> None:
        """See Executor."""

    def workspace(self, image: Image, *, writable: bool = True) -> Workspace:
        """See Executor."""
        folder = self._state / f"r{next(self._numbers)}"
        folder.mkdir(mode=0o755)
        tree = Tree(str(folder), KernelOwnership())
        apply_layers(image.layers, tree)
        for name in ("proc", "dev", "sys"):
            (folder / name).mkdir(exist_ok=True)
        return FolderWorkspace(tree, _Chroot())


class _Chroot:
    """See Runs."""

    def __init__(self) -> None:
        self._running: subprocess.Popen[bytes] | None = None

    def run(
        self, tree: Tree, process: Process, output: Callable[[bytes], None]
    ) -> tuple[Ended, list[Untouched]]:
        """See Runs. Root at ``/`` only."""
        assert (process.uid, process.gid, process.groups, process.cwd) == (0, 0, (), "/")
        self._running = subprocess.Popen(
            [*_NAMESPACES, "sh", "-ec", _SCRIPT, "sh", tree.root, *process.argv],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=dict(process.env),
        )
        said = self._running.communicate(process.stdin)[0]
        # Where a process is outside of its root, getcwd tells the path from the machine's.
        output(said.replace(f"(unreachable){tree.root}".encode(), b"(unreachable)"))
        code = self._running.returncode
        return Ended(code if code >= 0 else 128 - code), []

    def stop(self) -> None:
        """See Runs."""
        if self._running is not None:
            self._running.kill()
