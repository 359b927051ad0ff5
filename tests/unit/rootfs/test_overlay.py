"""overlay: real overlayfs mounts, their upper directories read and packed."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ci_builder.errors import ExecutorError
from ci_builder.rootfs.changes import Change, Changes
from ci_builder.rootfs.export import every_path
from ci_builder.rootfs.inventory import Inventory
from ci_builder.rootfs.overlay import overlay_changes, without_marks
from ci_builder.rootfs.ownership import KernelOwnership
from ci_builder.rootfs.pack import pack
from ci_builder.rootfs.tree import Tree
from ci_builder.rootfs.unpack import unpack
from tests.unit.rootfs.describe import describe

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(os.geteuid() != 0, reason="mounts an overlay: needs root"),
]


@dataclass(frozen=True)
class Mounted:
    lower: Path
    upper: Path
    merged: Path


@pytest.fixture
def mounted(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Mounted]:
    """A mounted overlay of a small tree. The parameter: further mount options."""
    folders = Mounted(tmp_path / "lower", tmp_path / "upper", tmp_path / "merged")
    for folder in (folders.lower, folders.upper, folders.merged, tmp_path / "work"):
        folder.mkdir()
    (folders.lower / "d/sub").mkdir(parents=True)
    (folders.lower / "d/sub/deep").write_text("deep")
    (folders.lower / "d/old").write_text("old")
    (folders.lower / "file").write_text("file")
    os.link(folders.lower / "file", folders.lower / "again")
    options = f"lowerdir={folders.lower},upperdir={folders.upper},workdir={tmp_path / 'work'}"
    options += "," + getattr(request, "param", "redirect_dir=off,metacopy=off")
    command = ["mount", "-t", "overlay", "overlay", "-o", options, str(folders.merged)]
    made = subprocess.run(command, capture_output=True, check=False, text=True)
    if made.returncode:
        pytest.skip(f"no overlay can be mounted here: {made.stderr.strip()}")
    try:
        yield folders
    finally:
        subprocess.run(["umount", folders.merged], check=True)


def alter(root: Path) -> None:
    shutil.rmtree(root / "d")
    (root / "d").mkdir()
    (root / "d/new").write_text("new")
    (root / "file").unlink()
    (root / "again").chmod(0o600)
    (root / "made/here").mkdir(parents=True)
    (root / "made/link").symlink_to("here")
    os.mknod(root / "null", 0o20666, os.makedev(1, 3))
    os.setxattr(root / "null", "trusted.kept", b"1")


EXPECTED = [
    Change(b"again", "present"),
    Change(b"d", "opaque"),
    Change(b"d", "present"),
    Change(b"d/new", "present"),
    Change(b"file", "absent"),
    Change(b"made", "present"),
    Change(b"made/here", "present"),
    Change(b"made/link", "present"),
    Change(b"null", "present"),
]


@pytest.mark.parametrize("mounted", ["redirect_dir=off,metacopy=off", "userxattr"], indirect=True)
def test_changes(mounted: Mounted) -> None:
    alter(mounted.merged)
    assert sorted(overlay_changes(str(mounted.upper))) == EXPECTED
    left = overlay_changes(str(mounted.upper), frozenset({b"/made", b"/null"}))
    assert sorted(left) == [change for change in EXPECTED if not change.path.startswith((b"made", b"null"))]


@pytest.mark.parametrize("through", ["merged", "upper"])
def test_a_layer_of_them_makes_the_same_tree(mounted: Mounted, tmp_path: Path, through: str) -> None:
    copy = Tree(str(tmp_path / "copy"), KernelOwnership())
    (tmp_path / "copy").mkdir()
    lower = Tree(str(mounted.lower), KernelOwnership())
    blocks: list[bytes] = []
    pack(every_path(lower), lower, blocks.append)
    unpack(blocks, copy)
    alter(mounted.merged)
    blocks.clear()
    source = Tree(str(getattr(mounted, through)), KernelOwnership())
    pack(overlay_changes(str(mounted.upper)), source, blocks.append)
    unpack(blocks, copy)
    assert describe(copy.root) == describe(mounted.merged)


def replace_directories(root: Path) -> None:
    """Directories that are removed and come back: with some of what they had, as a file, for a file."""
    shutil.rmtree(root / "d")
    (root / "d/sub/more").mkdir(parents=True)
    (root / "d/old").mkdir()
    (root / "d/new").write_text("new")
    (root / "file").unlink()
    (root / "file").mkdir()
    (root / "fresh/folder").mkdir(parents=True)


def test_what_a_directory_hides_is_said_as_by_a_scan(mounted: Mounted, tmp_path: Path) -> None:
    shutil.copytree(mounted.lower, tmp_path / "copy", symlinks=True)
    scanned = Tree(str(tmp_path / "copy"), KernelOwnership())
    inventory = Inventory.take(scanned)
    for root in (mounted.merged, tmp_path / "copy"):
        replace_directories(root)
    found = Changes.of(overlay_changes(str(mounted.upper)))
    assert Change(b"d", "opaque") in found
    spelt_out = without_marks(found, str(mounted.upper), str(mounted.lower))
    assert list(spelt_out) == list(inventory.changes(scanned)[0])
    assert Change(b"d/sub/deep", "absent") in spelt_out


@pytest.mark.parametrize("mounted", ["redirect_dir=on"], indirect=True)
def test_a_redirected_directory_is_refused(mounted: Mounted) -> None:
    (mounted.merged / "d").rename(mounted.merged / "moved")
    with pytest.raises(ExecutorError, match="/moved in the overlay has the mark 'redirect'"):
        list(overlay_changes(str(mounted.upper)))


@pytest.mark.parametrize("mounted", ["metacopy=on"], indirect=True)
def test_a_file_without_its_content_is_refused(mounted: Mounted) -> None:
    (mounted.merged / "d/old").chmod(0o600)
    with pytest.raises(ExecutorError, match="/d/old in the overlay has the mark 'metacopy'"):
        list(overlay_changes(str(mounted.upper)))
