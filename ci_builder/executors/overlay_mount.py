"""Mounting an overlay file system (Documentation/filesystems/overlayfs.rst)."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from ci_builder.executors.linux import numbers as n
from ci_builder.executors.linux.calls import mount, umount, unshare
from ci_builder.executors.removal import remove_folder
from ci_builder.meanwhile import meanwhile
from ci_builder.values import dataclass


@dataclass(frozen=True, slots=True)
class Layers:
    """What an overlay is made of, as folders below one state folder: ``lowers`` with the top first."""

    lowers: tuple[Path, ...]
    upper: Path
    work: Path


@dataclass(frozen=True, slots=True)
class OverlayMounter:
    """Mounts overlays of folders below ``state``; ``options`` are those that this kernel takes."""

    state: Path
    options: str

    @property
    def copies_whole(self) -> bool:
        """Whether these options keep the kernel from redirecting directories and from copying files without
        their content (userxattr implies it: fs/overlayfs/params.c)."""
        off = ("redirect_dir=off", "metacopy=off")
        return "userxattr" in self.options or all(option in self.options for option in off)

    def mount(self, layers: Layers, target: Path) -> None:
        """Mount at ``target``. Raises OSError."""
        lowers = ":".join(self._short(item) for item in layers.lowers)
        upper, work = self._short(layers.upper), self._short(layers.work)
        options = f"{self.options},lowerdir={lowers},upperdir={upper},workdir={work}"
        _from_inside(self.state, lambda: mount("overlay", str(target), "overlay", n.MS_NODEV, options))

    def mount_read_only(self, lowers: Sequence[Path], target: Path) -> None:
        """Mount two or more folders as one. Raises OSError."""
        options = f"{self.options},lowerdir={':'.join(self._short(item) for item in lowers)}"
        flags = n.MS_NODEV | n.MS_RDONLY
        _from_inside(self.state, lambda: mount("overlay", str(target), "overlay", flags, options))

    def _short(self, folder: Path) -> str:
        return str(folder.relative_to(self.state))


@contextlib.contextmanager
def taken_down(target: Path) -> Iterator[None]:
    """Unmount the overlay at ``target``, which nobody uses any more, while the body reads its upper folder:
    the kernel forgets what it knew of each file, which takes as long as listing them. Raises OSError."""
    done = meanwhile(lambda: umount(str(target)))
    try:
        yield
    except BaseException:
        # Whatever went wrong is what people must hear of.
        with contextlib.suppress(OSError):
            done()
        raise
    done()


def find_options(state: Path, candidates: Sequence[str]) -> str:
    """The first of ``candidates`` with which an overlay in ``state`` behaves: a directory of the lower
    folder can be removed, made anew and renamed. Raises the last OSError when none does."""
    failure: OSError | None = None
    for options in candidates:
        try:
            _try(OverlayMounter(state, options))
        except OSError as error:
            failure = error
        else:
            return options
    assert failure is not None
    raise failure


def _try(mounter: OverlayMounter) -> None:
    trial = mounter.state / "trial"
    try:
        for name in ("lower/old", "upper", "work", "root"):
            (trial / name).mkdir(parents=True)
        (trial / "lower/old/file").write_bytes(b"x")
        mounter.mount(Layers((trial / "lower",), trial / "upper", trial / "work"), trial / "root")
        try:
            old = trial / "root/old"
            (old / "file").unlink()
            old.rmdir()
            old.mkdir()
            if os.listdir(old):
                raise OSError(95, "a directory that was removed comes back", "overlay")
            old.rename(trial / "root/new")
        finally:
            umount(str(trial / "root"))
    finally:
        remove_folder(str(trial))


def _from_inside(folder: Path, action: Callable[[], None]) -> None:
    """Do ``action`` with ``folder`` as the working directory, of a thread of its own.

    The kernel takes one page of mount options: short relative names leave room for hundreds of
    folders, and names relative to the state folder hold no comma or colon of the user's.
    """
    failures: list[BaseException] = []

    def work() -> None:
        unshare(n.CLONE_FS)
        os.chdir(folder)
        action()

    thread = threading.Thread(target=_attempt, args=(work, failures))
    thread.start()
    thread.join()
    if failures:
        raise failures[0]


def _attempt(action: Callable[[], None], failures: list[BaseException]) -> None:
    try:
        action()
    except BaseException as error:
        failures.append(error)
