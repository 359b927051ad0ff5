"""What plain files are packed to in few steps is what the many steps give, and all else is left to those."""

from __future__ import annotations

import contextlib
import io
import os
from pathlib import Path

import pytest

from ci_builder.errors import OutputError
from ci_builder.progress import silent
from ci_builder.rootfs.changes import Change
from ci_builder.rootfs.ownership import KernelOwnership, RecordedOwnership
from ci_builder.rootfs.pack import Packing, pack
from ci_builder.rootfs.paths import Directories
from ci_builder.rootfs.plain_files import PlainFiles
from ci_builder.rootfs.times import KEPT, Times
from ci_builder.rootfs.tree import Tree


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "d/sub").mkdir(parents=True)
    (tmp_path / "d/plain").write_bytes(b"plain")
    (tmp_path / "d/sub/block").write_bytes(bytes(range(256)) * 2)
    (tmp_path / "d/sub/many-blocks").write_bytes(b"x" * 65535)
    (tmp_path / "d/setuid").write_bytes(b"x")
    (tmp_path / "d/setuid").chmod(0o6755)
    (tmp_path / "d/sub" / ("n" * 94)).write_bytes(b"a path of 100 bytes")
    (tmp_path / "zz").write_bytes(b"at the top")
    os.utime(tmp_path / "zz", ns=(0, 999_999_999))
    return tmp_path


PLAIN = ["d/plain", "d/setuid", "d/sub/block", "d/sub/many-blocks", "d/sub/" + "n" * 94, "zz"]


def _others(root: Path) -> list[str]:
    """More files, none of them plain."""
    (root / "empty").touch()
    (root / "large").write_bytes(b"x" * 65536)
    (root / "link").symlink_to("zz")
    (root / "one").write_bytes(b"two names")
    os.link(root / "one", root / "other")
    os.mkfifo(root / "fifo")
    (root / "d/sub" / ("n" * 95)).write_bytes(b"a path of 101 bytes")
    (root / "before-1970").write_bytes(b"x")
    os.utime(root / "before-1970", (-10, -10))
    found = ["d", "d/sub", "empty", "large", "link", "one", "other", "fifo", "d/sub/" + "n" * 95]
    found.append("before-1970")
    with contextlib.suppress(OSError):  # Linux 6.6 has them in memory
        (root / "marked").write_bytes(b"x")
        os.setxattr(root / "marked", "user.colour", b"blue")
        found.append("marked")
    if os.geteuid() == 0:
        (root / "high").write_bytes(b"x")
        os.chown(root / "high", 0o10000000, 0)
        found.append("high")
    return found


def _member(root: Path, path: str) -> bytes | None:
    with Directories(Tree(str(root), KernelOwnership())) as directories:
        return PlainFiles(directories, KEPT, still=True).member(path.encode())


def test_which_are_plain(root: Path) -> None:
    assert [path for path in PLAIN if _member(root, path) is None] == []
    assert [path for path in _others(root) if _member(root, path) is not None] == []


@pytest.mark.parametrize("times", [KEPT, Times(latest=5), Times(all=77)])
def test_the_same_bytes(root: Path, times: Times, monkeypatch: pytest.MonkeyPatch) -> None:
    changes = [Change(path.encode(), "present") for path in [*PLAIN, *_others(root)]]
    tree = Tree(str(root), KernelOwnership())
    quick, slow = io.BytesIO(), io.BytesIO()
    pack(changes, tree, quick.write, times=times)
    monkeypatch.setattr(PlainFiles, "member", lambda self, path: None)
    pack(changes, tree, slow.write, times=times)
    assert quick.getvalue() == slow.getvalue()


def test_owners_that_are_recorded_are_not_the_kernels(root: Path) -> None:
    ownership = RecordedOwnership(os.geteuid(), os.getegid())
    with Directories(Tree(str(root), ownership)) as directories:
        assert PlainFiles(directories, KEPT, still=True).member(b"zz") is None


def test_a_link_on_the_way(root: Path) -> None:
    (root / "way").symlink_to("d")
    assert _member(root, "way/plain") is None


def test_a_name_that_hides(root: Path) -> None:
    (root / ".wh.zz").write_bytes(b"x")
    assert _member(root, ".wh.zz") is None


def test_a_folder_that_was_closed_meanwhile(root: Path) -> None:
    """So many folders are asked for in between that not all of them stay open."""
    for number in range(600):
        (root / f"f{number}").mkdir()
        (root / f"f{number}/file").write_bytes(b"%d" % number)
        (root / f"f{number}/link").symlink_to("file")
    written: list[bytes] = []
    with Directories(Tree(str(root), KernelOwnership())) as directories:
        packing = Packing(directories, written.append, silent, KEPT, still=True)
        packing.add(Change(b"d/plain", "present"))
        for number in range(600):
            packing.add(Change(b"f%d/link" % number, "present"))
        packing.add(Change(b"d/plain", "present"))
    assert written[0] == written[-1]


@pytest.mark.parametrize("still", [True, False])
def test_one_that_grows_is_told(root: Path, still: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.open

    def grow(*arguments: object, **more: object) -> int:
        if arguments[0] == b"plain":
            with (root / "d/plain").open("ab") as file:
                file.write(b"!")
        return real(*arguments, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "open", grow)
    with Directories(Tree(str(root), KernelOwnership())) as directories:
        packing = Packing(directories, lambda data: None, silent, KEPT, still=still)
        with pytest.raises(OutputError, match="/d/plain changed while it was packed"):
            packing.add(Change(b"d/plain", "present"))
