"""A copy that is streamed into the layer gives the bytes that copying and packing gives."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from ci_builder.build.copy.permissions import parse_mode
from ci_builder.build.copy.place import place
from ci_builder.build.copy.source import CopySource, find
from ci_builder.build.copy.streamed import Streamed
from ci_builder.build.copy.transfer import Placement
from ci_builder.context.ignore import of_patterns
from ci_builder.errors import CiBuilderError
from ci_builder.rootfs.inventory import Inventory
from ci_builder.rootfs.ownership import RecordedOwnership
from ci_builder.rootfs.pack import pack
from ci_builder.rootfs.times import Times
from ci_builder.rootfs.tree import Tree

LONG_AGO = Times(latest=1_500_000_000)
"""Before every file of a test is made, so that the moment of the test does not show."""


@pytest.fixture
def context(tmp_path: Path) -> CopySource:
    """Files of every kind, names that sort in unlike ways, links, and something that is left out."""
    root = tmp_path / "context"
    for name in ("app/a/deep", "app/a-b", "app/a.d", "app/empty", "one"):
        (root / name).mkdir(parents=True)
    for number, name in enumerate(
        ("app/a/deep/x", "app/a-b/y", "app/a.d/z", "app/0", "app/zz", "app/left-out", "one/file")
    ):
        (root / name).write_bytes(bytes([number]) * number * 1000)
        (root / name).chmod(0o600 + number)
        os.utime(root / name, (1_400_000_000 + number, 1_400_000_000 + number))
    (root / "app/nothing").touch()
    (root / "app/link").symlink_to("a/deep")
    os.link(root / "app/zz", root / "app/a/second-name")
    os.mkfifo(root / "app/fifo")
    (root / "app/a").chmod(0o2750)
    return CopySource("context", _tree(root), keeps_owners=False, ignore=of_patterns(["app/left-out"]))


def _tree(root: Path) -> Tree:
    return Tree(str(root), RecordedOwnership(os.geteuid(), os.getegid()))


def _below(folder: Path) -> Tree:
    """What an image has below."""
    for name in ("srv/app/a", "usr/share", "etc"):
        (folder / name).mkdir(parents=True)
    (folder / "usr/share").chmod(0o750)
    (folder / "srv/app/a/kept").touch()
    (folder / "srv/app/link").symlink_to("elsewhere")
    (folder / "data").symlink_to("/usr/share")
    (folder / "srv/app/0").touch()
    return _tree(folder)


CASES = {
    "a new folder": ("app", "/new/place", "", ""),
    "into one that is there": ("app", "/srv/app", "", ""),
    "through a link": ("app", "/data/app/", "", ""),
    "with another owner": ("app", "/new", "5:6", ""),
    "with other permissions": ("app", "/new", "", "u=rwX,go=rX"),
    "octal permissions": ("app", "/srv/app", "7:8", "0640"),
    "everything": (".", "/srv", "", ""),
    "to the root": ("app", "/", "", ""),
    "one file": ("one/file", "/srv/app/0", "", ""),
    "one file into a folder": ("one/file", "/srv/app/", "", ""),
    "one file to a new name": ("one/file", "/new/place/name", "", ""),
}


def _placement(tree: Tree, owner: str, mode: str) -> Placement:
    uid, _, gid = owner.partition(":")
    return Placement(tree, (int(uid), int(gid)) if owner else None, parse_mode(mode) if mode else None)


def _packed(tree: Tree, action: Callable[[Tree], None]) -> bytes:
    before = Inventory.take(tree)
    action(tree)
    out: list[bytes] = []
    pack(before.changes(tree)[0], tree, out.append, times=LONG_AGO)
    return b"".join(out)


def _streamed(tree: Tree, origin: CopySource, case: tuple[str, str, str, str], *, traces: bool) -> bytes:
    source, destination, owner, mode = case
    (found,) = find(origin, source)
    out: list[bytes] = []
    placement = _placement(tree, owner, mode)
    Streamed(found, origin, placement, destination.encode(), LONG_AGO, traces).write(out.append)
    return b"".join(out)


def _copied(tree: Tree, origin: CopySource, case: tuple[str, str, str, str]) -> None:
    source, destination, owner, mode = case
    (found,) = find(origin, source)
    place(found, origin, _placement(tree, owner, mode), destination.encode())


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
@pytest.mark.parametrize("traces", [False, True])
def test_the_same_bytes(
    tmp_path: Path, context: CopySource, case: tuple[str, str, str, str], traces: bool
) -> None:
    expected = _packed(_below(tmp_path / "long-way"), lambda tree: _copied(tree, context, case))
    assert _streamed(_below(tmp_path / "streamed"), context, case, traces=traces) == expected


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_next_copy_sees_what_was_copied(
    tmp_path: Path, context: CopySource, case: tuple[str, str, str, str]
) -> None:
    following = ("one", "/new/place/../place/a/deep", "", "")
    long_way, streamed = _below(tmp_path / "long-way"), _below(tmp_path / "streamed")
    _copied(long_way, context, case)
    _streamed(streamed, context, case, traces=True)
    expected = _packed(long_way, lambda tree: _copied(tree, context, following))
    assert _packed(streamed, lambda tree: _copied(tree, context, following)) == expected


@pytest.mark.parametrize(
    ("source", "destination", "message"),
    [
        ("app", "/blocked", "cannot copy the directory /app/a over /blocked/a: it is not a directory"),
        ("app", "/folders", "cannot copy a file over /folders/zz: it is a directory"),
    ],
)
def test_what_is_in_the_way(
    tmp_path: Path, context: CopySource, source: str, destination: str, message: str
) -> None:
    tree = _below(tmp_path / "streamed")
    root = Path(tree.root)
    (root / "blocked").mkdir()
    (root / "blocked/a").touch()
    (root / "folders/zz").mkdir(parents=True)
    with pytest.raises(CiBuilderError, match=message):
        _streamed(tree, context, (source, destination, "", ""), traces=False)
    with pytest.raises(CiBuilderError, match=message):
        _copied(tree, context, (source, destination, "", ""))
