"""A workspace whose changes the kernel itself collects: an overlay with a new upper folder every step."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from ci_builder.errors import ExecutorError
from ci_builder.executors.interface import Process
from ci_builder.executors.linux import numbers as n
from ci_builder.executors.linux.calls import describe, umount
from ci_builder.executors.mount_points import Untouched
from ci_builder.executors.open_folder import make_open_folder
from ci_builder.executors.overlay_mount import Layers, OverlayMounter, taken_down
from ci_builder.executors.private_runs import Runs
from ci_builder.executors.removal import remove_folder
from ci_builder.rootfs.changes import Changes
from ci_builder.rootfs.overlay import overlay_changes, without_marks
from ci_builder.rootfs.tree import Ownership, Tree
from ci_builder.values import replace

_LONG = 3000  # bytes; a longer path may not be looked up at once


class OverlayWorkspace:
    """See Workspace. ``folder`` is its own, below the mounter's state; ``lowers`` have the top first."""

    def __init__(
        self,
        folder: Path,
        lowers: Sequence[Path],
        mounter: OverlayMounter,
        ownership: Ownership,
        runs: Runs,
    ) -> None:
        self._folder = folder
        self._lowers = tuple(lowers)
        self._mounter = mounter
        self._runs = runs
        self._untouched: dict[bytes, Untouched] = {}
        self._step = 0
        self._closed = False
        self._closing = threading.Lock()
        self._root = folder / "root"
        self._root.mkdir(parents=True)
        if not self._lowers:
            make_open_folder(folder / "empty")
            self._lowers = (folder / "empty",)
        self._mount_next()
        self._tree = Tree(str(self._root), ownership, hire=runs.surroundings.launcher.hire)

    @property
    def tree(self) -> Tree:
        """See Workspace."""
        return self._tree

    def run(self, process: Process, output: Callable[[bytes], None]) -> int:
        """See Workspace. Raises ExecutorError."""
        ended, untouched = self._runs.run(self._tree, process, output)
        for directory in untouched:
            self._untouched.setdefault(directory.path, directory)
        return ended.code

    def changes(self) -> Changes:
        """See Workspace. Raises ExecutorError."""
        # Another thread that closes this one would find nothing mounted, and leave what is mounted next.
        with self._closing:
            if self._closed:
                raise ExecutorError("the workspace was closed")
            return self._next_step()

    def _next_step(self) -> Changes:
        upper = self._upper()
        try:
            with taken_down(self._root):
                self._forget_traces(upper)
                found = overlay_changes(str(upper), whole=self._mounter.copies_whole, hides=self._hides)
            if found.hides:
                found = self._without_marks(found, upper)
            if found:
                self._lowers = (upper, *self._lowers)
            self._mount_next()
        except OSError as error:
            raise ExecutorError(f"the next layer cannot be begun: {describe(error)}") from error
        # Nothing writes to a lower folder: it can be packed while the next command runs.
        return found.staying_in(replace(self._tree, root=str(upper)))

    def close(self) -> None:
        """See Workspace."""
        self._runs.stop()
        with self._closing:
            if self._closed:
                return
            self._closed = True
            umount(str(self._root))
            remove_folder(str(self._folder), self._runs.surroundings.launcher.remove_as_well)

    def _upper(self) -> Path:
        return self._folder / f"u{self._step}"

    def _mount_next(self) -> None:
        self._step += 1
        upper, work = self._upper(), self._folder / f"k{self._step}"
        make_open_folder(upper)
        work.mkdir()
        _copy_attributes(self._lowers[0], upper)
        self._mounter.mount(Layers(self._lowers, upper, work), self._root)

    def _hides(self, path: bytes) -> bool:
        # The kernel marks every new directory opaque, to spare itself a look.
        if len(path) > _LONG:
            return True
        return any(os.path.lexists(os.fsencode(lower) + b"/" + path) for lower in self._lowers)

    def _without_marks(self, found: Changes, upper: Path) -> Changes:
        if len(self._lowers) == 1:
            return without_marks(found, str(upper), str(self._lowers[0]))
        below = self._folder / "below"
        below.mkdir()
        self._mounter.mount_read_only(self._lowers, below)
        try:
            return without_marks(found, str(upper), str(below))
        finally:
            umount(str(below))
            below.rmdir()

    def _forget_traces(self, upper: Path) -> None:
        # A directory that was copied up for a mount point only, and is as it was below.
        for path in sorted(filter(None, self._untouched), reverse=True):
            folder = os.fsencode(upper) + b"/" + path
            try:
                same = Untouched.of(path, n.AT_FDCWD, folder) == self._untouched[path]
                if same and not any(key.endswith(".overlay.opaque") for key in os.listxattr(folder)):
                    above = os.path.dirname(folder)
                    times = os.lstat(above)
                    os.rmdir(folder)
                    # It may be a trace itself.
                    os.utime(above, ns=(times.st_atime_ns, times.st_mtime_ns))
            except OSError:
                continue  # it is not there, or something else is in it
        self._untouched.clear()


def _copy_attributes(source: Path, target: Path) -> None:
    """The root directory of the merged tree is the upper folder itself."""
    found = source.stat()
    os.chown(target, found.st_uid, found.st_gid)
    target.chmod(found.st_mode & 0o7777)
    for key in os.listxattr(source):
        if not key.startswith(("user.overlay.", "trusted.overlay.")):
            os.setxattr(target, key, os.getxattr(source, key))
    os.utime(target, ns=(found.st_atime_ns, found.st_mtime_ns))
