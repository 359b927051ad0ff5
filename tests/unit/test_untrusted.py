"""Text that somebody else wrote."""

from __future__ import annotations

import pytest

from ci_builder.untrusted import as_bytes, from_json, number, without_passwords


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


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("ADD http://me:s3cret@a.example/x /x", "ADD http://me:xxxxx@a.example/x /x"),
        ("http://me@b.example:s3cret@a.example/x", "http://me@b.example:xxxxx@a.example/x"),
        ("git://me:p@ss@a.example/r.git#v1", "git://me:xxxxx@a.example/r.git#v1"),
        (
            "https://me@a.example/x https://a.example:80/x@1",
            "https://me@a.example/x https://a.example:80/x@1",
        ),
        ("a:b@c /x", "a:b@c /x"),
    ],
)
def test_passwords_in_urls_are_not_shown(text: str, shown: str) -> None:
    assert without_passwords(text) == shown


def test_what_is_no_text_has_bytes_as_well() -> None:
    assert as_bytes(b"a\xff".decode("utf-8", "surrogateescape")) == b"a\xff"
    assert as_bytes("\ud800") == b"\xed\xa0\x80"
