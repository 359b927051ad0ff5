"""inventory: what mtime cannot tell, and what must not be told."""

from __future__ import annotations

import mmap
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from ci_builder.rootfs.changes import Change, Changes
from ci_builder.rootfs.inventory import Inventory
from ci_builder.rootfs.ownership import RecordedOwnership
from ci_builder.rootfs.tree import Tree
from tests.unit.rootfs.trees import ownership


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    (root / "d/sub").mkdir(parents=True)
    (root / "d/sub/deep").write_text("deep")
    (root / "file").write_text("file")
    (root / "other").write_text("abcd")
    (root / "link").symlink_to("file")
    return root


def changed(root: Path, act: Callable[[], object]) -> set[str]:
    """What is reported, whiteouts with an exclamation mark."""
    tree = Tree(str(root), ownership())
    inventory = Inventory.take(tree)
    act()
    found, later = inventory.changes(tree)
    assert list(found) == list(Changes.of(sorted(found)))
    assert list(later.changes(tree)[0]) == []
    return {("!" if change.kind == "absent" else "") + change.path.decode() for change in found}


def test_nothing(root: Path) -> None:
    assert changed(root, (root / "file").read_text) == set()


def test_other_content_of_the_same_size_with_its_time_set_back(root: Path) -> None:
    def act() -> None:
        status = os.stat(root / "file")
        (root / "file").write_text("elif")
        os.utime(root / "file", ns=(status.st_atime_ns, status.st_mtime_ns))

    assert changed(root, act) == {"file"}


def test_the_very_next_instant(root: Path) -> None:
    """A change in the same tick of the file system's clock as the inventory: again and again."""
    tree = Tree(str(root), ownership())
    for number in range(50):
        (root / "file").write_text(f"{number:04}")
        inventory = Inventory.take(tree)
        (root / "file").write_text(f"{number + 1:04}")
        assert list(inventory.changes(tree)[0]) == [Change(b"file", "present")]


def test_a_mapped_file(root: Path) -> None:
    def act() -> None:
        with (root / "file").open("r+b") as file, mmap.mmap(file.fileno(), 0) as mapped:
            mapped[0] = 0

    assert changed(root, act) == {"file"}


def test_children_of_a_renamed_directory(root: Path) -> None:
    assert changed(root, lambda: (root / "d/sub").rename(root / "moved")) == {
        "d",
        "!d/sub",
        "moved",
        "moved/deep",
    }


def test_a_directory_that_changed_places_with_another(root: Path) -> None:
    (root / "e/sub").mkdir(parents=True)
    (root / "e/sub/deep").write_text("deep")

    def act() -> None:
        (root / "d").rename(root / "t")
        (root / "e").rename(root / "d")
        (root / "t").rename(root / "e")

    assert changed(root, act) == {f"{top}{rest}" for top in "de" for rest in ("", "/sub", "/sub/deep")}


def test_one_kind_for_another(root: Path) -> None:
    def act() -> None:
        (root / "d/sub/deep").unlink()
        (root / "d/sub").rmdir()
        (root / "d/sub").write_text("a file")
        (root / "file").unlink()
        (root / "file").mkdir()
        (root / "file/new").write_text("")

    assert changed(root, act) == {"d", "d/sub", "file", "file/new"}


def test_links(root: Path) -> None:
    def act() -> None:
        os.link(root / "file", root / "again")
        (root / "link").unlink()
        (root / "link").symlink_to("elif")

    assert changed(root, act) == {"again", "file", "link"}


def test_permissions_and_attributes(root: Path) -> None:
    def act() -> None:
        (root / "file").chmod(0o600)
        os.setxattr(root / "other", "user.a", b"1")

    assert changed(root, act) == {"file", "other"}


def test_a_deep_change_reports_no_more_than_it_is(root: Path) -> None:
    assert changed(root, lambda: (root / "d/sub/deep").write_text("edit")) == {"d/sub/deep"}


def test_what_is_untouchable_is_not_seen(root: Path) -> None:
    tree = Tree(str(root), ownership(), frozenset({b"/d/sub", b"/file", b"/gone"}))
    inventory = Inventory.take(tree)
    (root / "d/sub/new").write_text("")
    (root / "file").write_text("changed")
    (root / "filed").write_text("another name")
    assert list(inventory.changes(tree)[0]) == [Change(b"filed", "present")]


def test_what_was_recorded_only(root: Path) -> None:
    recorded = RecordedOwnership(os.geteuid(), os.getegid())
    tree = Tree(str(root), recorded)
    parent = os.open(root, os.O_PATH)
    inventory = Inventory.take(tree)
    recorded.chown(parent, b"file", 5, 6)
    recorded.setxattr(parent, b"other", "security.capability", b"x")
    os.close(parent)
    found, _ = inventory.changes(tree)
    assert list(found) == [Change(b"file", "present"), Change(b"other", "present")]


def test_the_scan_leaves_no_trace(root: Path) -> None:
    before = os.stat(root)
    Inventory.take(Tree(str(root), ownership()))
    after = os.stat(root)
    assert (before.st_mtime_ns, sorted(os.listdir(root))) == (after.st_mtime_ns, sorted(os.listdir(root)))
    assert len(os.listdir(root)) == 4
