"""Random trees, as root: packed, unpacked and compared; changed, and the changes applied to a copy."""

from __future__ import annotations

import dataclasses
import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ci_builder.rootfs.apply import apply_layers
from ci_builder.rootfs.blob import write_layer
from ci_builder.rootfs.compress import Compression
from ci_builder.rootfs.export import every_path, tree_copy, tree_tar
from ci_builder.rootfs.inventory import Inventory
from ci_builder.rootfs.ownership import KernelOwnership
from ci_builder.rootfs.pack import pack
from ci_builder.rootfs.tree import Tree
from ci_builder.rootfs.unpack import unpack
from tests.unit.rootfs.describe import Thing, describe
from tests.unit.rootfs.random_trees import ALTERS, MAKES, Alter, Make, alter, make

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(os.geteuid() != 0, reason="gives files away and makes devices: needs root"),
]
makes = st.lists(MAKES, max_size=12)


def tree_in(folder: Path) -> Tree:
    folder.mkdir(exist_ok=True)
    return Tree(str(folder), KernelOwnership())


def packed(tree: Tree) -> list[bytes]:
    blocks: list[bytes] = []
    pack(every_path(tree), tree, blocks.append)
    return blocks


@settings(max_examples=150, deadline=None)
@given(makes)
def test_pack_and_unpack(tmp_path_factory: pytest.TempPathFactory, wanted: list[Make]) -> None:
    folder = tmp_path_factory.mktemp("trip")
    one, two = tree_in(folder / "one"), tree_in(folder / "two")
    for item in wanted:
        make(folder / "one", item)
    blocks = packed(one)
    unpack(blocks, two)
    assert describe(folder / "two") == describe(folder / "one")
    assert b"".join(packed(two)) == b"".join(blocks), "the same tree gives the same bytes"


@settings(max_examples=30, deadline=None)
@given(makes)
def test_gnu_tar_reads_the_same(tmp_path_factory: pytest.TempPathFactory, wanted: list[Make]) -> None:
    folder = tmp_path_factory.mktemp("gnu")
    one = tree_in(folder / "one")
    for item in wanted:
        make(folder / "one", item)
    (folder / "two").mkdir()
    command = ["tar", "-x", "--xattrs", "--xattrs-include=*", "--same-owner", "-p", "--numeric-owner"]
    with (folder / "tar").open("wb") as target:
        tree_tar(one, target)
    subprocess.run([*command, "-f", folder / "tar", "-C", folder / "two"], check=True)
    assert describe(folder / "two") == describe(folder / "one")


@settings(max_examples=150, deadline=None)
@given(makes, st.lists(st.one_of(ALTERS, MAKES), max_size=8))
def test_changes_applied_to_a_copy_give_the_changed_tree(
    tmp_path_factory: pytest.TempPathFactory, wanted: list[Make], alterations: list[Alter | Make]
) -> None:
    folder = tmp_path_factory.mktemp("changes")
    one, copy = tree_in(folder / "one"), tree_in(folder / "copy")
    for item in wanted:
        make(folder / "one", item)
    unpack(packed(one), copy)
    inventory = Inventory.take(one)
    before = describe(folder / "one")
    for change in alterations:
        alter(folder / "one", change) if isinstance(change, Alter) else make(folder / "one", change)
    after = describe(folder / "one")
    changes, later = inventory.changes(one)
    blocks: list[bytes] = []
    pack(changes, one, blocks.append)
    unpack(blocks, copy)
    assert _without_links(describe(folder / "copy")) == _without_links(after)
    assert list(later.changes(one)[0]) == []
    if before == after and not alterations:
        assert list(changes) == []


def _without_links(found: dict[bytes, Thing]) -> dict[bytes, tuple[object, ...]]:
    # A file that became another name of an unchanged one comes whole: a layer cannot say it otherwise
    # without naming a file of the layers below, which docker does not either.
    return {
        path: (thing.kind, thing.permissions, thing.owner, thing.seconds, thing.what, thing.xattrs)
        for path, thing in found.items()
    }


@settings(max_examples=20, deadline=None)
@given(makes)
def test_copying_a_tree(tmp_path_factory: pytest.TempPathFactory, wanted: list[Make]) -> None:
    folder = tmp_path_factory.mktemp("copy")
    one = tree_in(folder / "one")
    for item in wanted:
        make(folder / "one", item)
    tree_copy(one, folder / "two")
    expected = {path: _of_the_caller(thing) for path, thing in describe(folder / "one").items()}
    assert describe(folder / "two") == expected


def _of_the_caller(thing: Thing) -> Thing:
    """As type=local gives it to who asked for it."""
    own = (os.geteuid(), os.getegid())
    if thing.owner == own:
        return thing
    return dataclasses.replace(thing, owner=own, permissions=thing.permissions & ~0o6000)


@settings(max_examples=20, deadline=None)
@given(makes, st.sampled_from(["gzip", "zstd", "none"]))
def test_a_layer_is_applied_from_its_blob(
    tmp_path_factory: pytest.TempPathFactory, wanted: list[Make], name: str
) -> None:
    folder = tmp_path_factory.mktemp("blob")
    one, two = tree_in(folder / "one"), tree_in(folder / "two")
    for item in wanted:
        make(folder / "one", item)
    layer = write_layer(every_path(one), one, folder / "blobs", compression=Compression(name))
    again = write_layer(every_path(one), one, folder / "blobs2", compression=Compression(name))
    assert layer == again
    apply_layers([layer], two)
    assert describe(folder / "two") == describe(folder / "one")
