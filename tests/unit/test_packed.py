"""packed: sorted and without repetition, in however many runs."""

from __future__ import annotations

import random

import pytest
from hypothesis import given as given_by
from hypothesis import settings
from hypothesis import strategies as st

from ci_builder.packed import SEPARATOR, Sorter, packed

ITEMS = st.lists(st.binary(min_size=1, max_size=6).map(lambda item: item.replace(SEPARATOR, b"-")))


@settings(deadline=None)
@given_by(ITEMS)
def test_like_a_sorted_set(items: list[bytes]) -> None:
    found = packed(items)
    assert list(found) == sorted(set(items))
    assert list(reversed(found)) == sorted(set(items), reverse=True)
    assert len(found) == len(set(items))
    assert all(item in found for item in items)
    assert b"/" not in found


@pytest.mark.parametrize("order", ["ascending", "descending", "any", "with another behind"])
def test_more_than_one_run(order: str) -> None:
    items = [b"%05d" % number * 20 for number in range(2000)]
    again = items + items[:500]
    random.Random(1).shuffle(again)
    given = {"ascending": items, "descending": items[::-1], "with another behind": [*items, b"0"]}
    sorter = Sorter(run=100)
    for item in given.get(order, again):
        sorter.add(item)
    found = sorter.packed()
    wanted = sorted({*given.get(order, again)})
    assert list(found) == wanted
    assert list(reversed(found)) == wanted[::-1]
    assert len(found) == len(wanted)
