"""Two processes remove a folder from both ends."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ci_builder.executors.launcher import Launcher
from ci_builder.executors.removal import remove_folder, remove_from_the_end
from ci_builder.rootfs.ownership import KernelOwnership
from ci_builder.rootfs.paths import Directories
from ci_builder.rootfs.remove import remove
from ci_builder.rootfs.tree import Tree

_FOLDERS, _FILES = 30, 150  # more than somebody is called for


@pytest.fixture
def top() -> Iterator[Path]:
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        yield Path(folder)


def _fill(root: Path, folders: int = _FOLDERS) -> None:
    for folder in range(folders):
        inside = root / f"folder-{folder:02}/sub/more"
        inside.mkdir(parents=True)
        (inside / "link").symlink_to("/etc")
        for file in range(_FILES):
            (inside / f"file-{file:03}").touch()


def _files(root: Path) -> int:
    return sum(len(files) for _, _, files in os.walk(root))


@pytest.fixture
def launcher() -> Iterator[Launcher]:
    made = Launcher()
    yield made
    made.close()


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="a second process needs a second processor")
def test_another_process_removes_what_the_launcher_is_told(launcher: Launcher, top: Path) -> None:
    _fill(top / "it")
    launcher.remove_as_well(str(top / "it"))
    deadline = time.monotonic() + 60
    while (top / "it").exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize("round_", range(5))
def test_both_at_once_leave_nothing(launcher: Launcher, top: Path, round_: int) -> None:
    _fill(top / "it", _FOLDERS + round_)
    _fill(top / "beside", 1)
    remove_folder(str(top / "it"), launcher.remove_as_well)
    assert os.listdir(top) == ["beside"]
    assert _files(top / "beside") == _FILES


def test_somebody_is_called_once_and_only_for_many(top: Path) -> None:
    called: list[str] = []
    _fill(top / "few", 2)
    remove_folder(str(top / "few"), called.append)
    assert called == []
    _fill(top / "many")
    remove_folder(str(top / "many"), called.append)
    assert called == [str(top / "many")]
    assert os.listdir(top) == []


@pytest.mark.parametrize("backwards", [False, True])
def test_they_begin_at_different_ends(top: Path, backwards: bool) -> None:
    _fill(top / "it")
    order = [entry.name for entry in os.scandir(top / "it")]
    gone: list[str] = []

    def look() -> None:
        gone.extend(name for name in order if not (top / "it" / name).exists())

    with Directories(Tree(str(top), KernelOwnership())) as directories:
        remove(directories.tree, directories.place(b"it"), backwards=backwards, call=look)
    assert _FOLDERS > len(gone) > _FOLDERS // 3
    assert gone == (order[-len(gone) :] if backwards else order[: len(gone)])
    assert os.listdir(top) == []


def test_a_folder_that_is_gone_is_fine(top: Path) -> None:
    remove_from_the_end(str(top / "nothing"))


def test_deep_folders_go_from_both_ends(launcher: Launcher, top: Path) -> None:
    _fill(top / "it")
    deep = os.open(top / "it", os.O_RDONLY)
    for _ in range(600):
        os.mkdir("d", dir_fd=deep)
        below = os.open("d", os.O_RDONLY, dir_fd=deep)
        os.close(deep)
        deep = below
    os.close(deep)
    remove_folder(str(top / "it"), launcher.remove_as_well)
    assert os.listdir(top) == []
