"""Which layers of a cache stand on which."""

from __future__ import annotations

from dataclasses import replace

from ci_builder.cache.inputs import LAYERS_BELOW, Input, frame
from ci_builder.cache.limits import Entry, Limits, surplus
from ci_builder.cache.record import Record
from ci_builder.cache.records import Records
from ci_builder.cache.standing import standing_of
from tests.unit.cache.records import NOW, record


def chain(*names: str, used: int = NOW) -> list[Record]:
    """Layers of one stage, each made a second after the one below."""
    found: list[Record] = []
    for number, name in enumerate(names):
        below = tuple(str(item.layer.diff_id) for item in found)
        inputs = (("base", "0" * 16), (LAYERS_BELOW, Input(LAYERS_BELOW, frame(below)).short))
        found.append(record(name, inputs=inputs, made=used + number, used=used + number))
    return found


def test_each_stands_on_those_below_and_is_used_with_those_above() -> None:
    found = chain("a", "b", "c")
    alone = replace(record("d"), inputs=(), used=7)
    standing = [stands for _, stands in standing_of([*reversed(found), alone])]
    assert [(item.above, item.used) for item in standing] == [
        *((2, NOW + 2), (1, NOW + 2), (0, NOW + 2)),
        (0, 7),
    ]


def test_the_first_layers_of_a_stage_stay_longest() -> None:
    """Of the last build; an earlier one goes before it."""
    found = [*chain("a", "b", "c", used=NOW - 10), *chain("d", "e", "f")]
    entries = [
        Entry("s", item.title + str(number), "", ((str(number), 100),), item.made, stands.used, stands.above)
        for number, (item, stands) in enumerate(standing_of(found))
    ]
    gone = surplus(entries, Limits(max_size=250), NOW)
    assert [entries.index(item) for item in gone] == [0, 1, 2, 5]
    room = sum(len(str(item.to_json())) for item in found[:2])
    kept = Records(tuple(found)).fitting(room=room)
    assert [item.layer.diff_id for item in kept][:1] == [found[3].layer.diff_id]


def test_a_linked_layer_is_part_of_the_chain_that_goes_on_over_it() -> None:
    first, second, third, last = chain("a", "linked", "c", "d")
    linked = replace(second, inputs=(("linked", "1" * 16),))
    alone = replace(record("e"), inputs=(("linked", "1" * 16),), used=7)
    standing = [stands for _, stands in standing_of([last, alone, linked, third, first])]
    assert [(item.above, item.used) for item in standing] == [
        *((3, NOW + 3), (0, 7), (1, NOW + 3), (2, NOW + 3), (0, NOW + 3)),
    ]


def test_what_refers_to_itself_ends() -> None:
    (first,) = chain("a")
    assert len(standing_of([first, first, first])) == 3
