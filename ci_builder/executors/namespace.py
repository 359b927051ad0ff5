"""The namespace executor: a private mount namespace, overlays, commands in namespaces of their own.

As root with mount rights it needs nothing else; everyone else becomes root of a user namespace.
"""

from __future__ import annotations

import itertools
import os
import threading
import time
from pathlib import Path

from ci_builder.errors import ExecutorError
from ci_builder.executors.bases import Bases
from ci_builder.executors.folder_workspace import FolderWorkspace
from ci_builder.executors.host_files import HOSTNAME, HostFiles
from ci_builder.executors.identity import Kind, enter_user_namespace, possible_maps
from ci_builder.executors.interface import Process, Verdict, Workspace
from ci_builder.executors.launch import Launch, PrivateRoot
from ci_builder.executors.launcher import Launcher
from ci_builder.executors.linux import numbers as n
from ci_builder.executors.linux.calls import describe, mount, prctl, umount, unshare
from ci_builder.executors.linux.capabilities import SYS_ADMIN, effective
from ci_builder.executors.open_folder import make_open_folder
from ci_builder.executors.overlay_mount import Layers, OverlayMounter, find_options
from ci_builder.executors.overlay_workspace import OverlayWorkspace
from ci_builder.executors.private_runs import Runs, Surroundings
from ci_builder.executors.reading_workspace import ReadingWorkspace
from ci_builder.executors.removal import release_folder, remove_folder
from ci_builder.executors.single_id import SingleIdOwnership
from ci_builder.executors.single_id_workspace import SingleIdWorkspace
from ci_builder.executors.trial import Trial
from ci_builder.oci.image import Image
from ci_builder.progress import Notice, Progress
from ci_builder.rootfs.apply import apply_layers
from ci_builder.rootfs.ownership import KernelOwnership
from ci_builder.rootfs.tree import Ownership, Tree

_ROOT_OPTIONS = ("volatile,index=off,redirect_dir=off,metacopy=off", "index=off", "")
_USER_OPTIONS = ("userxattr,volatile,index=off", "userxattr")
_LEAVING = 1.0  # seconds
_TRUE = Process(("true",), ())
_ONE_ID = (
    "it has one user id here (no range of this user in /etc/subuid): USER is not held back from files of "
    "others, setgid folders pass on no group, and su changes nothing"
)


class NamespaceExecutor:
    """See Executor. ``state`` is a private folder that is empty; what is left in it at the end is removed
    by its owner with ``remove_folder``, before this process ends."""

    name = "namespace"

    def __init__(self, state: Path, progress: Progress) -> None:
        self._state = state
        self._progress = progress
        self._numbers = itertools.count(1)
        self._counting = threading.Lock()
        self._kind: Kind | None = None
        self._ownership: Ownership = KernelOwnership()
        self._mounter: OverlayMounter | None = None
        self._surroundings: Surroundings | None = None
        self._bases = Bases(self._unpack)
        self._trial: Trial | None = None

    @property
    def ids(self) -> Kind | None:
        """How the user namespace that was entered maps ids; None: there is none, this is root."""
        return self._kind

    @property
    def _single_id(self) -> bool:
        return self._kind == "single"

    @property
    def _guard(self) -> bool:
        return self._kind is None

    def begin_trial(self) -> Trial:
        """Try out now, beside what else is done, what ``probe`` is to tell. Raises OSError."""
        self._trial = Trial(self._try)
        return self._trial

    def probe(self) -> Verdict:
        """See Executor."""
        try:
            trial, self._trial = self._trial or Trial(self._try), None
            trouble, lacks = trial.refusal(), trial.remark()
        except OSError as error:
            trouble, lacks = f"no process can be started: {describe(error)}", ""
        if not trouble:
            return Verdict(True, "mount and process namespaces work", lacks=lacks)
        return Verdict(False, f"{trouble}{_cause(trouble)}", _remedy(trouble))

    def enter(self) -> None:
        """See Executor. Raises ExecutorError."""
        if not _alone():
            # Another thread would stay behind, outside.
            raise ExecutorError("a namespace can only be entered by a process of one thread")
        try:
            self._kind = self._move()
            mount("none", "/", flags=n.MS_REC | n.MS_PRIVATE)
            # A command must not read the builder's memory or environment. Only now: the id maps of a
            # process that is not dumpable cannot be written.
            prctl("PR_SET_DUMPABLE", n.PR_SET_DUMPABLE, 0)
        except OSError as error:
            raise ExecutorError(f"no namespace can be made: {describe(error)}") from error
        if not self._single_id:
            # There, owners are recorded by inode, and an overlay changes those.
            self._ownership = KernelOwnership(stand_ins=not self._guard)
            self._mounter = self._find_overlay()
        self._surroundings = Surroundings(
            Launcher(), self._state / "host", self._guard, single_id=self._single_id
        )
        HostFiles(self._surroundings.folder).prepare()

    def workspace(self, image: Image, *, writable: bool = True) -> Workspace:
        """See Executor. Raises ExecutorError, ImageError."""
        if self._mounter is None:
            return self._in_folder(image, writable)
        try:
            return self._on_overlay(image, writable, self._mounter)
        except OSError as error:
            raise ExecutorError(f"the root file system cannot be mounted: {describe(error)}") from error

    def leave(self) -> None:
        """No workspace is open, nor will one be asked for: remove what they shared. Raises OSError."""
        release_folder(str(self._state), self._runs().surroundings.launcher.remove_as_well)

    def _move(self) -> Kind | None:
        """Into the namespaces; how ids are mapped, None: this is root with mount rights."""
        if SYS_ADMIN in effective():
            unshare(n.CLONE_NEWNS)
            return None
        return enter_user_namespace(possible_maps(), n.CLONE_NEWNS).kind

    def _find_overlay(self) -> OverlayMounter | None:
        try:
            return OverlayMounter(
                self._state, find_options(self._state, _ROOT_OPTIONS if self._guard else _USER_OPTIONS)
            )
        except OSError as error:
            reason = f"no overlay in {self._state} ({describe(error)}): changes are found by scanning"
            self._progress(Notice("debug", reason))
            return None

    def _on_overlay(self, image: Image, writable: bool, mounter: OverlayMounter) -> Workspace:
        lowers = self._bases.folders(image)
        folder = self._new_folder("w")
        if writable:
            return OverlayWorkspace(folder, lowers, mounter, self._ownership, self._runs())
        if len(lowers) == 1:
            return ReadingWorkspace(Tree(str(lowers[0]), self._ownership), lambda: None)
        folder.mkdir()
        if not lowers:
            return ReadingWorkspace(Tree(str(folder), self._ownership), lambda: remove_folder(str(folder)))
        mounter.mount_read_only(lowers, folder)
        return ReadingWorkspace(Tree(str(folder), self._ownership), lambda: _unmount(folder))

    def _in_folder(self, image: Image, writable: bool) -> Workspace:
        folder = self._new_folder("w")
        make_open_folder(folder)
        # A record of its own for each: inode numbers are used again when a folder was removed.
        record, runs = SingleIdOwnership(), self._runs()
        if self._single_id:
            tree = Tree(str(folder), record)
        else:
            tree = Tree(str(folder), self._ownership, hire=runs.surroundings.launcher.hire)
        apply_layers(image.layers, tree, self._progress)
        if writable and self._single_id:
            return SingleIdWorkspace(tree, runs, record, self._progress)
        if writable:
            return FolderWorkspace(tree, runs, runs.surroundings.launcher.remove_as_well)
        return ReadingWorkspace(tree, lambda: remove_folder(str(folder)))

    def _unpack(self, image: Image, first: int, below: tuple[Path, ...]) -> Path:
        """The layers from number ``first`` on, laid over ``below``, as one lower folder."""
        folder = self._new_folder("b")
        make_open_folder(folder)
        if not below:
            apply_layers(image.layers, Tree(str(folder), self._ownership), self._progress)
            return folder
        assert self._mounter is not None
        work, merged = self._new_folder("k"), self._new_folder("m")
        work.mkdir()
        merged.mkdir()
        self._mounter.mount(Layers(below, folder, work), merged)
        try:
            apply_layers(image.layers[first:], Tree(str(merged), self._ownership), self._progress)
        finally:
            _unmount(merged)
            remove_folder(str(work))
        return folder

    def _runs(self) -> Runs:
        if self._surroundings is None:
            raise ExecutorError("the executor was not entered")
        return Runs(self._surroundings)

    def _new_folder(self, letter: str) -> Path:
        with self._counting:
            return self._state / f"{letter}{next(self._numbers)}"

    def _try(self) -> str:
        """What a build does, without an image: enter, then start a command but for the last step. Returns
        what is lacking."""
        self.enter()
        assert self._surroundings is not None
        folder = self._new_folder("t")
        folder.mkdir()
        try:
            for name in ("proc", "sys", "dev"):
                (folder / name).mkdir()
            root = PrivateRoot(str(folder), (), self._guard, True, HOSTNAME, self._single_id)
            known = SingleIdOwnership() if self._single_id else None
            launch = Launch(_TRUE, root, dry=True)
            self._surroundings.launcher.start(launch, b"", known).wait(lambda _: None)
        finally:
            remove_folder(str(folder))
            remove_folder(str(self._surroundings.folder))
        return _ONE_ID if self._single_id else ""


def _alone() -> bool:
    """Whether this process has one thread. Those that have ended take a moment to leave."""
    deadline = time.monotonic() + _LEAVING
    while len(os.listdir("/proc/self/task")) != 1:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.001)
    return True


def _unmount(folder: Path) -> None:
    umount(str(folder))
    os.rmdir(folder)


def _cause(trouble: str) -> str:
    """What stands behind a refusal, where the kernel lets one know."""
    if "NEWUSER" not in trouble and "NEWNS" not in trouble and "mount" not in trouble:
        return ""
    if "No space left" in trouble:
        return " (user.max_user_namespaces)"
    with open("/proc/self/status", encoding="ascii", errors="replace") as status:
        return " (seccomp)" if "Seccomp:\t2" in status.read() else ""


def _remedy(trouble: str) -> str:
    if "NEWUSER" in trouble or "NEWNS" in trouble:
        return "allow user namespaces: a seccomp and AppArmor profile that permits unshare and mount"
    return ""
