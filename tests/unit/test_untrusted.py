"""Text that somebody else wrote."""

from __future__ import annotations

import pytest

from ci_builder.untrusted import from_json, number


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, b"\xff", "9" * 5_000])
def test_what_is_no_json_is_one_kind_of_error(text: str | bytes) -> None:
    with pytest.raises(ValueError):
        from_json(text)


def test_json() -> None:
    assert from_json(b'{"a": [1, null]}') == {"a": [1, None]}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *(("0", 0), ("42", 42), ("9" * 18, 10**18 - 1)),
        *((text, None) for text in ("9" * 19, "", "-1", " 1", "\u00b2", "\u0663", "1_000")),
    ],
)
def test_numbers(text: str, value: int | None) -> None:
    assert number(text) == value
