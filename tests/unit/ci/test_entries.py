"""Lists in inputs: what docker's actions make of the same text (csv-parse with relaxed quotes)."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_builder.ci.entries import entries
from ci_builder.errors import UsageError

_JSON = '{"a":1,"b":"x y","c":[1,"z"],"d":"\\""}'


@pytest.mark.parametrize(
    ("text", "commas", "found"),
    [
        ("", False, []),
        ("A=1\n\n  B=2  \r\n# no\nC=3", False, ["A=1", "B=2", "C=3"]),
        ("a,b\nc", True, ["a", "b", "c"]),
        ("a,b\nc", False, ["a,b", "c"]),
        (f"CONFIG={_JSON}\nN=2", False, [f"CONFIG={_JSON}", "N=2"]),
        (_JSON, False, [_JSON]),
        ('"KEY=one\ntwo"\nN=2', False, ["KEY=one\ntwo", "N=2"]),
        ('"a ""quoted"" word"\r\nb', False, ['a "quoted" word', "b"]),
        ('"a,b",c', True, ["a,b", "c"]),
        ('"a,b",c', False, ['"a,b",c']),
        ('"a, b" and "c"\nd', True, ['"a, b" and "c"', "d"]),
        ('say="hello, ""you"""', False, ['say="hello, ""you"""']),
        ('""', False, []),
        ("a:1\n # old: b:2, c:3\nd:4", True, ["a:1", "d:4"]),
        ('"a,b" \n"c"\r', True, ["a,b", "c"]),
    ],
)
def test_entries(text: str, commas: bool, found: list[str]) -> None:
    assert entries(text, "build-args", commas=commas) == found


@pytest.mark.parametrize("text", ['"A=a b\nN=2', 'A=1\n"y', '"', '"a""'])
def test_a_quote_that_is_never_closed(text: str) -> None:
    with pytest.raises(UsageError, match=r"build-args: the quote in line [12] is never closed"):
        entries(text, "build-args", commas=False)


_VALUES = st.recursive(
    st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
)


@given(st.dictionaries(st.text(), _VALUES))
def test_json_comes_through(value: dict[str, object]) -> None:
    for separators in ((", ", ": "), (",", ":")):
        text = f"KEY={json.dumps(value, separators=separators)}"
        assert entries(f"{text}\nN=2", "secrets", commas=False) == [text, "N=2"]
