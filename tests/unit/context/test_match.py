"""Go's filepath.Match, by the cases that its documentation and behaviour give."""

from __future__ import annotations

import pytest

from ci_builder.context.match import match
from ci_builder.errors import InvalidValue

MATCHES = [
    ("abc", "abc", True),
    ("*", "abc", True),
    ("*", "", True),
    ("*", ".hidden", True),
    ("a*", "ab/c", False),
    ("a*/b", "abc/b", True),
    ("a*/b", "a/c/b", False),
    ("a*b?c*x", "abxbbxdbxebxczzx", True),
    ("a*b?c*x", "abxbbxdbxebxczzy", False),
    ("ab[b-d]", "abc", True),
    ("ab[e-g]", "abc", False),
    ("ab[^e-g]", "abc", True),
    ("ab[^c]", "abc", False),
    ("ab[!c]", "ab!", True),
    ("ab[!c]", "abd", False),
    ("a\\*b", "a*b", True),
    ("a\\*b", "axb", False),
    ("a?b", "a☺b", True),
    ("a???b", "a☺b", False),
    ("a?b", "a/b", False),
    ("a[^b]c", "a/c", True),
    ("[a-ζ]*", "α", True),
    ("[\\]a]", "]", True),
    ("[\\-x]", "-", True),
    ("[\\-x]", "a", False),
    ("[z-a]", "m", False),
    ("[^z-a]", "m", True),
    ("a.c", "abc", False),
    ("a]", "a]", True),
    ("a$", "a", False),
    ("a", "a\n", False),
    ("a*", "a\nb", True),
]


@pytest.mark.parametrize(("pattern", "name", "expected"), MATCHES)
def test_match(pattern: str, name: str, expected: bool) -> None:
    assert match(pattern, name) is expected


@pytest.mark.parametrize(
    "pattern", ["[", "[^", "[^bc", "a[", "[]a]", "[-]", "[x-]", "[-x]", "[a-b-c]", "\\", "a\\", "[a-\\"]
)
def test_malformed(pattern: str) -> None:
    with pytest.raises(InvalidValue, match="pattern"):
        match(pattern, "a")
