"""Framed inputs and the keys of them: nothing that is different means the same bytes."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ci_builder.cache.inputs import Input, KeyMaker, frame, key_of
from ci_builder.values import dataclass


@dataclass(frozen=True, slots=True)
class One:
    a: object
    b: object = None


@dataclass(frozen=True, slots=True)
class Two:
    a: object
    b: object = None


_VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.integers(-2, 2),
        st.text(st.characters(), max_size=6),
        st.text("01ntsy\0", max_size=3),
        st.binary(max_size=6),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(tuple), st.builds(One, inner, inner), st.builds(Two, inner, inner)
    ),
    max_leaves=8,
)


def _same(one: object, other: object) -> bool:
    """Equal in type as well: True is not 1."""
    if type(one) is not type(other):
        return False
    if isinstance(one, tuple) and isinstance(other, tuple):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, (One, Two)) and isinstance(other, (One, Two)):
        return _same(one.a, other.a) and _same(one.b, other.b)
    return one == other


@given(_VALUES, _VALUES)
@example(("a", "b"), ("ab",))
@example(("a", ("b",)), (("a",), "b"))
@example(True, 1)
@example(1, "1")
@example("a", b"a")
@example((), None)
@example(One(1), Two(1))
@example(One(1, None), One(None, 1))
@example("é", "\udcc3\udca9")
@example("\udcff", b"\xff")
def test_different_values_have_different_bytes(one: object, other: object) -> None:
    assert (frame(one) == frame(other)) == _same(one, other)


@given(st.lists(_VALUES, max_size=4), st.lists(_VALUES, max_size=4))
def test_frames_in_a_row_are_told_apart(one: list[object], other: list[object]) -> None:
    joined = [b"".join(map(frame, values)) for values in (one, other)]
    assert (joined[0] == joined[1]) == _same(tuple(one), tuple(other))


@pytest.mark.parametrize("value", ["\ud800", "a\udfff", "\0", "\U0010ffff", -(10**30)])
def test_every_text_and_number_has_bytes(value: object) -> None:
    assert frame(value)


@pytest.mark.parametrize("value", [1.5, ["a"], {"a": 1}, {1}, object(), One, lambda: 0, bytearray(b"a")])
def test_what_has_no_certain_bytes_is_no_input(value: object) -> None:
    with pytest.raises(TypeError, match="cannot be part of a key"):
        frame((value,))


_INPUTS = st.lists(st.builds(Input, st.text(max_size=4), st.binary(max_size=4)), max_size=4)


@given(_INPUTS, _INPUTS)
def test_keys_are_those_of_the_whole_list(one: list[Input], other: list[Input]) -> None:
    assert (key_of(one) == key_of(other)) == (one == other)


def test_a_key_is_64_digits_whatever_the_order_of_adding() -> None:
    maker = KeyMaker()
    found = {maker.key()}
    for _ in range(3):
        maker.add(Input("a", b""))
        found.add(maker.key())
    assert len(found) == 4
    assert all(len(key) == 64 for key in found)


def test_what_people_see_of_a_value_is_not_the_value() -> None:
    item = Input("variable A", frame(("A", "the-secret-value")))
    assert len(item.short) == 16
    assert "secret" not in item.short
