"""What is kept of many files in few bytes says the same as plain sets and dictionaries."""

from __future__ import annotations

import io
import random
import tracemalloc
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ci_builder.rootfs.changes import Change, Changes
from ci_builder.rootfs.file_keys import FileKeys
from ci_builder.rootfs.first_names import FirstNames
from ci_builder.rootfs.numbers import NumberMap
from ci_builder.rootfs.record import PLAIN, Key, Record, Records
from ci_builder.rootfs.seen import Seen

# Many of them fall on one slot, and all of them come again.
KEYS = st.one_of(
    st.integers(1, 40), st.integers(2**64 - 40, 2**64 - 1), st.integers(1, 20).map(lambda n: n << 35)
)
STEPS = st.lists(st.tuples(st.booleans(), KEYS, st.integers(0, 2**32 - 1)), max_size=200)


@settings(max_examples=200, deadline=None)
@given(STEPS)
def test_numbers_like_a_dictionary(steps: list[tuple[bool, int, int]]) -> None:
    plain: dict[int, int] = {}
    numbers = NumberMap()
    for is_put, key, value in steps:
        if is_put:
            assert numbers.put(key, value) == plain.get(key)
            plain[key] = value
        else:
            assert numbers.pop(key) == plain.pop(key, None)
        assert len(numbers) == len(plain)
    assert dict(numbers.items()) == plain
    file = io.BytesIO()
    numbers.write(file)
    file.seek(0)
    again = NumberMap.read(file)
    assert file.read() == b""
    assert (dict(again.items()), len(again)) == (plain, len(plain))
    assert all(again.get(key) == value for key, value in plain.items())


RECORDS = [
    PLAIN,
    Record(5, 6),
    Record(0, 0, 0o100600),
    Record(mode=0o20600, device=5),
    Record(1, xattrs=(("a", b"b"),)),
]


@pytest.mark.parametrize("few", [0, 7, 1 << 14])
def test_records_like_a_dictionary(few: int) -> None:
    chance = random.Random(few)
    plain: dict[Key, Record] = {}
    records = Records(few=few)
    for _ in range(3000):
        key = (chance.choice((1, 2**40)), chance.randrange(1, 300))
        value = chance.choice(RECORDS)
        act = chance.choice(("keep", "keep", "put", "drop"))
        if act == "drop" or (act == "keep" and value == PLAIN):
            plain.pop(key, None)
        else:
            plain[key] = value
        if act == "drop":
            records.drop(key)
        else:
            getattr(records, act)(key, value)
        assert records.get(key) == plain.get(key)
        if chance.random() < 0.01:
            file = io.BytesIO()
            records.write(file)
            file.seek(0)
            records = Records(few=few)
            records.read(file)
            assert file.read() == b""
    assert dict(records.items()) == plain
    assert len(records) == len(plain)
    key = next(iter(plain))
    assert records.get(key) is records.get(key), "what was told of a file is known by the record's identity"


def test_a_record_that_nobody_has_any_more_takes_no_room() -> None:
    records = Records(few=0)
    for number in range(1000):
        records.keep((1, 1), Record(number))
    file = io.BytesIO()
    records.write(file)
    assert len(file.getvalue()) < 20_000


@pytest.mark.parametrize("few", [0, 5, 1 << 14])
def test_first_names(few: int) -> None:
    chance = random.Random(few)
    plain: dict[tuple[int, int], bytes] = {}
    names = FirstNames(few)
    for number in range(20_000):
        key = (chance.choice((1, 2)), chance.randrange(1, 9000))
        path = b"folder/%d" % number
        first = plain.setdefault(key, path)
        assert names.other(key, path) == (None if first == path else first)
        assert names.other(key, first) is None


@pytest.mark.parametrize("few", [0, 5, 1 << 14])
def test_seen(few: int) -> None:
    paths = Seen(few)
    assert b"" not in paths
    for number in range(3000):
        path = b"a/%d" % (number % 2000)
        assert (path in paths) == (number >= 2000)
        assert paths.add(path) == (number < 2000)
        assert path in paths


NAMES = st.sampled_from([b"a", b"a-", b"a0", b"b", b"\xff", b".wh", b" "])
PATHS = st.lists(NAMES, max_size=4).map(b"/".join)
CHANGES = st.builds(Change, PATHS, st.sampled_from(["present", "absent", "opaque"]))


@settings(deadline=None)
@given(st.lists(CHANGES))
def test_changes_are_in_the_order_of_a_layer(changes: list[Change]) -> None:
    found = Changes.of(changes)
    assert list(found) == list(_below(b"", {change for change in changes if change.path}))
    assert len(found) == len(list(found))
    assert Changes.of(found) is found
    assert list(found.without({b"a"})) == [item for item in found if item != Change(b"a", "present")]


def _below(folder: bytes, changes: set[Change]) -> Iterator[Change]:
    """What a layer has of a folder: that it is opaque, what is gone, then name by name what is there."""
    yield from changes & {Change(folder, "opaque")}
    inside = sorted(item for item in changes if folder in (b"", *_above(item.path)))
    yield from (item for item in inside if item.kind == "absent" and _above(item.path)[:1] in ([folder], []))
    start = len(folder) + 1 if folder else 0
    for name in sorted({item.path[start:].partition(b"/")[0] for item in inside}):
        path = folder + b"/" + name if folder else name
        yield from changes & {Change(path, "present")}
        yield from _below(path, changes)


def _above(path: bytes) -> list[bytes]:
    """The folders that ``path`` is in, the nearest first, but for the root."""
    parts = path.split(b"/")
    return [b"/".join(parts[:end]) for end in range(len(parts) - 1, 0, -1)]


def _fill_first_names(path: Callable[[int], bytes]) -> object:
    names = FirstNames()
    for number in range(_COUNT):
        names.other((1, number + 1), path(number))
    return names


def _fill_seen(path: Callable[[int], bytes]) -> object:
    seen = Seen()
    for number in range(_COUNT):
        seen.add(path(number))
    return seen


def _fill_records(path: Callable[[int], bytes]) -> object:
    return Records(((1, number + 1), Record(1000, 1000)) for number in range(_COUNT))


def _fill_keys(path: Callable[[int], bytes]) -> object:
    keys = FileKeys()
    for number in range(_COUNT):
        keys.add((1, number + 1))
    return keys


def _fill_changes(path: Callable[[int], bytes]) -> object:
    # In the worst order.
    return Changes.of(Change(path(number * 7919 % _COUNT), "present") for number in range(_COUNT))


_COUNT = 100_000
_FILLS = (_fill_first_names, _fill_seen, _fill_records, _fill_keys, _fill_changes)


@pytest.mark.parametrize("fill", _FILLS)
def test_bytes_and_not_objects(fill: Callable[[Callable[[int], bytes]], object]) -> None:
    """At most 50 bytes for each, while they are collected too: one small object takes as much by itself."""

    def path(number: int) -> bytes:
        return b"usr/lib/some/package-%d/a-file-with-a-name-%d" % (number // 100, number)

    tracemalloc.start()
    try:
        kept = fill(path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept is not None
    assert peak < 50 * _COUNT
