"""unpack: one layer over another, as docker shows them."""

from __future__ import annotations

import os
import stat
import tarfile
from pathlib import Path

import pytest

from ci_builder.errors import ImageError
from ci_builder.rootfs.paths import Directories
from ci_builder.rootfs.unpack import unpack
from tests.unit.rootfs.describe import contents
from tests.unit.rootfs.tars import file, folder, hard_link, member, symlink, tar, whiteout
from tests.unit.rootfs.trees import apply, folder_for_deep_trees, new_tree

LOWER = (folder("d"), file("d/old", b"1"), folder("d/sub"), file("d/sub/deep", b"2"), file("top", b"3"))


def test_a_whiteout_hides_a_file_and_a_directory(tmp_path: Path) -> None:
    tree = new_tree(tmp_path / "root")
    apply(tree, *LOWER)
    apply(tree, folder("d"), whiteout("d/.wh.sub"), whiteout(".wh.top"), whiteout(".wh.never"))
    assert contents(tree.root) == {"d": "/", "d/old": "1"}


@pytest.mark.parametrize("position", [0, 1, 2, 3])
def test_an_opaque_whiteout_hides_what_lies_below_wherever_it_stands(tmp_path: Path, position: int) -> None:
    tree = new_tree(tmp_path / "root")
    apply(tree, *LOWER)
    layer = [folder("d"), file("d/sub/new", b"4"), file("d/own", b"5")]
    layer.insert(position, whiteout("d/.wh..wh..opq"))
    apply(tree, *layer)
    assert contents(tree.root) == {"d": "/", "d/own": "5", "d/sub": "/", "d/sub/new": "4", "top": "3"}


@pytest.mark.parametrize("first", [True, False])
def test_a_whiteout_does_not_hide_what_its_own_layer_has(tmp_path: Path, first: bool) -> None:
    tree = new_tree(tmp_path / "root")
    apply(tree, *LOWER)
    layer = [folder("d"), file("d/old", b"new"), file("d/sub/own", b"6")]
    marks = [whiteout("d/.wh.old"), whiteout("d/.wh.sub")]
    apply(tree, *(marks + layer if first else layer + marks))
    assert contents(tree.root) == {"d": "/", "d/old": "new", "d/sub": "/", "d/sub/own": "6", "top": "3"}


def test_a_whiteout_of_aufs_is_passed_over(tmp_path: Path) -> None:
    tree = new_tree(tmp_path / "root")
    apply(tree, whiteout(".wh..wh.aufs"), whiteout(".wh..wh.plnk"))
    assert contents(tree.root) == {}


def test_an_archive_that_is_no_layer(tmp_path: Path) -> None:
    tree = new_tree(tmp_path / "root")
    apply(tree, file("a"))
    unpack([tar(file(".wh.a", b"x"))], tree, whiteouts=False)
    assert contents(tree.root) == {"a": "", ".wh.a": "x"}


def test_replacing_one_kind_by_another(tmp_path: Path) -> None:
    tree = new_tree(tmp_path / "root")
    apply(tree, *LOWER, symlink("link", "d"), symlink("link2", "d"))
    apply(
        tree,
        file("d", b"now a file"),
        folder("top"),
        file("top/x", b"y"),
        folder("link"),
        file("link/inside", b"z"),
        file("link2", b"no link"),
    )
    expected = {"d": "now a file", "top": "/", "top/x": "y", "link": "/", "link/inside": "z"}
    assert contents(tree.root) == expected | {"link2": "no link"}


def test_a_device_over_what_is_there(tmp_path: Path) -> None:
    tree = new_tree(tmp_path / "root")
    apply(tree, *LOWER)
    apply(
        tree,
        member("top", tarfile.CHRTYPE, devmajor=1, devminor=3),
        member("d", tarfile.BLKTYPE, devmajor=1, devminor=3),
    )
    for name, kind in (("top", stat.S_IFCHR), ("d", stat.S_IFBLK)):
        status = tree.ownership.status(os.lstat(f"{tree.root}/{name}"))
        assert (stat.S_IFMT(status.mode), status.device) == (kind, os.makedev(1, 3))


def test_a_directory_over_a_directory_keeps_its_files(tmp_path: Path) -> None:
    tree = new_tree(tmp_path / "root")
    apply(tree, *LOWER)
    apply(tree, folder("d", mode=0o750, mtime=99))
    assert contents(tree.root)["d/old"] == "1"
    status = tree.ownership.status(os.stat(f"{tree.root}/d"))
    assert (stat.S_IMODE(status.mode), status.mtime_ns) == (0o750, 99 * 10**9)


def test_an_entry_below_a_symbolic_link_lands_where_the_link_points(tmp_path: Path) -> None:
    tree = new_tree(tmp_path / "root")
    apply(tree, folder("usr"), folder("usr/bin"), symlink("bin", "usr/bin"), symlink("abs", "/usr/bin"))
    apply(tree, file("bin/sh", b"1"), file("abs/ls", b"2"), whiteout("abs/.wh.sh"))
    found = contents(tree.root)
    assert found == {
        "usr": "/",
        "usr/bin": "/",
        "usr/bin/ls": "2",
        "bin": "-> usr/bin",
        "abs": "-> /usr/bin",
    } | {"usr/bin/sh": "1"}, "the whiteout must not hide a file of its own layer under another name"


def test_parents_that_are_not_in_the_layer_are_made(tmp_path: Path) -> None:
    tree = new_tree(tmp_path / "root")
    apply(tree, file("a/b/c", b"x"))
    status = tree.ownership.status(os.stat(f"{tree.root}/a/b"))
    assert (status.mode, status.uid, status.gid) == (stat.S_IFDIR | 0o755, 0, 0)


def test_hard_links(tmp_path: Path) -> None:
    tree = new_tree(tmp_path / "root")
    apply(tree, file("a", b"x"), hard_link("b", "a"), symlink("s", "nowhere"), hard_link("t", "s"))
    apply(tree, hard_link("deep/c", "./a"), hard_link("d", "/b"), file("e", b"y"), hard_link("e", "a"))
    assert len({os.stat(f"{tree.root}/{name}").st_ino for name in ("a", "b", "deep/c", "d", "e")}) == 1
    assert os.lstat(f"{tree.root}/s").st_ino == os.lstat(f"{tree.root}/t").st_ino


def test_a_hard_link_over_another_name_of_the_same_file(tmp_path: Path) -> None:
    tree = new_tree(tmp_path / "root")
    apply(tree, file("a", b"x"), hard_link("b", "a"))
    apply(tree, hard_link("b", "a"), hard_link("a", "a"))
    assert contents(tree.root) == {"a": "x", "b": "x"}


def test_metadata(tmp_path: Path) -> None:
    tree = new_tree(tmp_path / "root")
    apply(
        tree,
        folder("./", mode=0o711, mtime=77),
        folder("d", mode=0o3777, uid=5, gid=6, mtime=100),
        file("d/setuid", b"x", mode=0o6755, uid=1000, gid=1001, mtime=200),
        symlink("d/link", "x", uid=7, gid=8, mtime=300),
        member("d/null", tarfile.CHRTYPE, devmajor=1, devminor=3, mode=0o666, uid=9, gid=10, mtime=400),
        member("d/pipe", tarfile.FIFOTYPE, mode=0o640, mtime=500),
        file("d/none", b"x", mode=0, mtime=600),
    )
    shown = {}
    for name in (".", "d", "d/setuid", "d/link", "d/null", "d/pipe", "d/none"):
        status = tree.ownership.status(os.lstat(f"{tree.root}/{name}"))
        shown[name] = (oct(status.mode), status.uid, status.gid, status.mtime_ns // 10**9, status.device)
    assert shown == {
        ".": ("0o40711", 0, 0, 77, 0),
        "d": ("0o43777", 5, 6, 100, 0),
        "d/setuid": ("0o106755", 1000, 1001, 200, 0),
        "d/link": ("0o120777", 7, 8, 300, 0),
        "d/null": ("0o20666", 9, 10, 400, os.makedev(1, 3)),
        "d/pipe": ("0o10640", 0, 0, 500, 0),
        "d/none": ("0o100000", 0, 0, 600, 0),
    }


def test_attributes_of_a_directory_are_those_of_the_upper_layer(tmp_path: Path) -> None:
    tree = new_tree(tmp_path / "root")
    apply(tree, folder("d", pax_headers={"SCHILY.xattr.user.a": "1", "SCHILY.xattr.user.b": "2"}))
    apply(tree, folder("d", pax_headers={"SCHILY.xattr.user.b": "3"}))
    assert [(key, os.getxattr(f"{tree.root}/d", key)) for key in os.listxattr(f"{tree.root}/d")] == [
        ("user.b", b"3")
    ]


def test_nothing_untouchable_is_touched(tmp_path: Path) -> None:
    tree = new_tree(tmp_path / "root", b"/etc/hosts", b"/proc")
    root = Path(tree.root)
    (root / "etc").mkdir()
    (root / "proc").mkdir()
    (root / "etc/hosts").write_text("mounted")
    (root / "etc/other").write_text("")
    (root / "proc/1").write_text("mounted")
    before = os.stat(root / "proc")
    apply(
        tree,
        file("etc/hosts", b"of the image"),
        folder("proc", mode=0o500),
        file("proc/x/y", b"of the image"),
        symlink("alias", "proc"),
        file("alias/z", b"of the image"),
        whiteout("proc/.wh.1"),
        whiteout("proc/.wh..wh..opq"),
        whiteout(".wh.etc"),
        whiteout(".wh.proc"),
    )
    assert contents(root) == {
        "alias": "-> proc",
        "etc": "/",
        "etc/hosts": "mounted",
        "proc": "/",
        "proc/1": "mounted",
    }
    assert os.stat(root / "proc").st_mode == before.st_mode


def test_a_directory_with_a_mount_in_it_cannot_be_replaced(tmp_path: Path) -> None:
    tree = new_tree(tmp_path / "root", b"/etc/hosts")
    (Path(tree.root) / "etc").mkdir()
    (Path(tree.root) / "etc/hosts").write_text("mounted")
    with pytest.raises(ImageError, match="replaces the directory /etc, but something is mounted in it"):
        apply(tree, file("etc", b"a file"))
    assert (Path(tree.root) / "etc/hosts").read_text() == "mounted"


def test_a_skeleton_has_no_content_but_what_is_kept(tmp_path: Path) -> None:
    tree = new_tree(tmp_path / "root")
    data = tar(
        folder("etc"), file("etc/passwd", b"root:x:0:0"), file("bin/sh", b"x" * 5000), symlink("l", "etc")
    )
    unpack([data], tree, keep={b"etc/passwd"})
    found = contents(tree.root)
    assert (found["etc/passwd"], found["bin/sh"], found["l"]) == ("root:x:0:0", "", "-> etc")


def test_very_many_levels() -> None:
    with folder_for_deep_trees() as deep:
        tree = new_tree(deep / "root")
        apply(tree, file("/".join("d" * 1500), b"deep"))
        apply(tree, whiteout(".wh.d"))
        assert os.listdir(tree.root) == []


def test_no_descriptor_is_left_open(tmp_path: Path) -> None:
    before = sorted(os.listdir("/proc/self/fd"))
    tree = new_tree(tmp_path / "root")
    apply(tree, *LOWER, hard_link("d/again", "top"))
    apply(tree, file("d", b"x"), whiteout(".wh.top"), hard_link("x", "d"))
    with pytest.raises(ImageError):
        apply(tree, hard_link("d", "missing"))
    assert sorted(os.listdir("/proc/self/fd")) == before
    Directories(tree).close()
    assert sorted(os.listdir("/proc/self/fd")) == before
