"""What a record tells of its inputs: bounded, the same in every order, comparable when folded."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_builder.cache.inputs import Input
from ci_builder.cache.told import LIMIT, MORE, Telling, Told, changed, cut

_PATHS = st.lists(st.sampled_from("abc"), min_size=1, max_size=4).map("/".join)
_FILES = st.dictionaries(_PATHS.map("file {}".format), st.binary(max_size=2), max_size=25)


def _tell(files: dict[str, bytes], limit: int = LIMIT, seed: int = 0) -> Told:
    items = [Input(name, value) for name, value in files.items()]
    random.Random(seed).shuffle(items)
    telling = Telling(limit)
    for item in items:
        telling.add(item)
    return telling.told()


@given(_FILES, st.integers(2, 30), st.integers())
def test_the_order_does_not_matter(files: dict[str, bytes], limit: int, seed: int) -> None:
    assert sorted(_tell(files, limit)) == sorted(_tell(files, limit, seed))


@given(_FILES, st.integers(2, 30))
def test_it_is_never_more_than_the_limit(files: dict[str, bytes], limit: int) -> None:
    assert len(_tell(files, limit)) <= limit


@given(_FILES, st.integers(2, 30), st.integers(2, 30))
def test_the_same_files_are_the_same_at_every_depth(files: dict[str, bytes], one: int, other: int) -> None:
    assert list(changed(_tell(files, one), _tell(files, other))) == []


@given(_FILES, st.integers(2, 30), st.integers(2, 30), st.data())
def test_a_change_is_seen_at_every_depth(
    files: dict[str, bytes], one: int, other: int, data: st.DataObject
) -> None:
    if not files:
        return
    name = data.draw(st.sampled_from(sorted(files)))
    after = files | {name: files[name] + b"!"}
    found = dict(changed(_tell(files, one), _tell(after, other)))
    assert list(found.values()) == ["changed"]
    (seen,) = found
    assert seen == name or (seen.endswith(MORE) and name.startswith(seen.removesuffix(MORE)))


def test_added_and_removed_are_named() -> None:
    before, after = _tell({"file a": b"", "file b": b""}), _tell({"file b": b"", "file c": b""})
    assert set(changed(before, after)) == {("file a", "removed"), ("file c", "added")}


@pytest.mark.parametrize(
    "name", ["file {}.txt", "file folder/{}", "source 0 {}", "file {}/in", "file a/b/{}/c"]
)
def test_very_many_of_a_kind(name: str) -> None:
    files = {name.format(number): b"%d" % number for number in range(30_000)}
    told = _tell({"base": b"x", "layers below": b"y", **files})
    assert len(told) <= LIMIT
    assert {"base", "layers below"} <= dict(told).keys()
    after = files | {name.format(77): b"other"}
    (found,) = changed(told, _tell({"base": b"x", "layers below": b"y", **after}))
    assert found[1] == "changed"


def test_folding_begins_far_down() -> None:
    files = {f"file top/{number % 7}/deep/{number}": b"" for number in range(LIMIT + 1)}
    told = dict(_tell({**files, "file README": b""}))
    assert "file README" in told
    assert {name for name in told if name != "file README"} == {
        f"file top/{number}/deep/{MORE}" for number in range(7)
    }


def test_cut_counts_folders() -> None:
    assert cut("base", 1) == "base"
    assert cut("file a/b/c", 0) == "file a/b/c"
