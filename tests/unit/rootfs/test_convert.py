"""Layers converted: the same bytes as if they had been written so at once."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ci_builder.errors import DigestMismatch
from ci_builder.rootfs.blob import write_layer
from ci_builder.rootfs.compress import Compression
from ci_builder.rootfs.convert import convert_layer
from ci_builder.rootfs.export import every_path, tree_copy
from ci_builder.rootfs.inventory import Inventory
from ci_builder.rootfs.times import Times
from tests.unit.rootfs.describe import describe
from tests.unit.rootfs.random_trees import ALTERS, MAKES, Alter, Make, alter, make
from tests.unit.rootfs.test_round_trip import tree_in
from tests.unit.rootfs.trees import new_tree

_GZIP, _ZSTD = Compression("gzip"), Compression("zstd")


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="gives files away and makes devices: needs root")
@settings(max_examples=40)
@given(
    st.lists(MAKES, max_size=10),
    st.lists(ALTERS, max_size=5),
    st.sampled_from([Times(), Times(latest=0), Times(latest=10**9), Times(all=77)]),
)
def test_as_if_written_so_at_once(
    tmp_path_factory: pytest.TempPathFactory, wanted: list[Make], alterations: list[Alter], times: Times
) -> None:
    folder = tmp_path_factory.mktemp("convert")
    tree = tree_in(folder / "tree")
    for item in wanted:
        make(folder / "tree", item)
    inventory = Inventory.take(tree)
    for change in alterations:
        alter(folder / "tree", change)
    changes = [*inventory.changes(tree)[0], *every_path(tree)]
    plain = write_layer(changes, tree, folder / "plain", compression=_GZIP)
    direct = write_layer(changes, tree, folder / "direct", compression=_ZSTD, times=times)
    converted = convert_layer(plain, folder / "converted", _ZSTD, times=times)
    assert converted == direct


def test_a_false_layer_is_noticed(tmp_path: Path) -> None:
    tree = new_tree(tmp_path / "tree")
    (tmp_path / "tree/f").write_bytes(b"content")
    layer = write_layer(every_path(tree), tree, tmp_path / "blobs")
    (tmp_path / "tree/f").write_bytes(b"another")
    other = write_layer(every_path(tree), tree, tmp_path / "blobs")
    false = replace(layer, opener=other.open)
    with pytest.raises(DigestMismatch):
        convert_layer(false, tmp_path / "out", _ZSTD)
    assert list((tmp_path / "out").iterdir()) == []


def test_times() -> None:
    assert Times().of(5) == 5
    assert Times(latest=1).of(5) == 5
    assert Times(latest=1).of(2 * 10**9) == 10**9
    assert Times(all=3).of(5) == Times(all=3).of(9 * 10**9) == 3 * 10**9


def test_a_copy_with_one_time(tmp_path: Path) -> None:
    tree = new_tree(tmp_path / "one")
    (tmp_path / "one/d").mkdir()
    (tmp_path / "one/d/f").write_bytes(b"x")
    tree_copy(tree, tmp_path / "two", Times(all=44))
    assert {thing.seconds for path, thing in describe(tmp_path / "two").items() if path} == {44}
