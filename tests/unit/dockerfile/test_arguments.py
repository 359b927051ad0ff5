"""Forms of arguments, flags and durations."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_builder.dockerfile.arguments import json_words, split_quoted
from ci_builder.dockerfile.directives import is_known_frontend
from ci_builder.dockerfile.durations import format_duration, parse_duration
from ci_builder.dockerfile.flags import take_flags
from ci_builder.dockerfile.reader import Line
from ci_builder.errors import DockerfileError, did_you_mean
from ci_builder.span import Source, Span


def _line(rest: str) -> Line:
    return Line(Source("f", f"COPY {rest}"), Span("f", 1, 1), f"COPY {rest}", "copy", rest)


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]))))
def test_json_arrays_of_strings(words: list[str]) -> None:
    assert json_words(_line(""), json.dumps(words)) == tuple(words)
    assert json_words(_line(""), json.dumps(words, ensure_ascii=False)) == tuple(words)


@pytest.mark.parametrize(
    "text", ["['a']", '["a"', '["a"] b', "[NaN]", '{"a": 1}', "[" * 100_000, '["a\nb"]', "[ -f x ]", ""]
)
def test_everything_else_is_the_shell_form(text: str) -> None:
    assert json_words(_line(""), text) is None


@pytest.mark.parametrize("text", ["[1]", '["a", null]', '[["a"]]', "[true]", "[" + "9" * 50 + "]"])
def test_arrays_of_other_things_are_errors(text: str) -> None:
    with pytest.raises(DockerfileError, match=r"comprised of strings only"):
        json_words(_line(""), text)


def test_half_a_pair_of_surrogates_becomes_the_replacement_character() -> None:
    assert json_words(_line(""), '["\\ud800"]') == ("\ufffd",)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a b\tc", ("a", "b", "c")),
        ('a="b c" d', ('a="b c"', "d")),
        ("a='b \\' c", ("a='b \\'", "c")),
        ("a=b\\ c", ("a=b\\ c",)),
        ('"a\\" b" c', ('"a\\" b"', "c")),
        ("a\\", ("a",)),
        ('""', ('""',)),
        ("  ", ()),
        ('a "b', ("a", '"b')),
    ],
)
def test_quoted_words(text: str, words: tuple[str, ...]) -> None:
    assert split_quoted(text, "\\") == words


@pytest.mark.parametrize(
    ("text", "value", "rest"),
    [
        ("--from=a b c", "a", "b c"),
        ('--from="a b"  c d', "a b", "c d"),
        ("--from=a\\ b c", "a b", "c"),
        ("--from=a -- --x y", "a", "--x y"),
        ("--from=a", "a", ""),
        ("--from='a", "a", ""),
        ("b --from=a", "", "b --from=a"),
        ("-from=a b", "", "-from=a b"),
    ],
)
def test_flags(text: str, value: str, rest: str) -> None:
    flags = take_flags(_line(text), frozenset({"from"}))
    assert (flags.get("from"), flags.rest) == (value, rest)


@given(st.integers(min_value=0, max_value=2**62))
def test_durations_there_and_back(nanoseconds: int) -> None:
    assert parse_duration(format_duration(nanoseconds)) == nanoseconds


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("0", 0),
        ("1.5h", 5400000000000),
        ("1m30s", 90000000000),
        ("500ms", 500000000),
        (".5s", 500000000),
        ("+1s", 10**9),
        ("-1s", -(10**9)),
        ("1µs", 1000),
        ("1us1ns", 1001),
        ("2.s", 2 * 10**9),
    ],
)
def test_durations(text: str, nanoseconds: int) -> None:
    assert parse_duration(text) == nanoseconds


@pytest.mark.parametrize(
    "text", ["", "5", "s", "1", "1x", "1 s", "1s ", "-", ".s", "1e3s", "9" * 30 + "h", "٣s"]
)
def test_no_durations(text: str) -> None:
    with pytest.raises(ValueError, match=r"duration"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [(1, "1ns"), (1500, "1.5µs"), (2_000_000, "2ms"), (3_661_000_000_000, "1h1m1s"), (60 * 10**9, "1m0s")],
)
def test_durations_are_shown_as_by_go(text: int, shown: str) -> None:
    assert format_duration(text) == shown


@pytest.mark.parametrize(
    "reference",
    [
        "docker/dockerfile",
        "docker/dockerfile:1",
        "docker.io/docker/dockerfile:1.7-labs",
        "mirror:5000/docker/dockerfile:1",
        "docker/dockerfile-upstream:master",
        "docker/dockerfile:1@sha256:" + "0" * 64,
    ],
)
def test_dockers_own_frontend(reference: str) -> None:
    assert is_known_frontend(reference)


@pytest.mark.parametrize(
    "reference", ["", " ", "dockerfile", "evil/dockerfile", "docker/dockerfile2:1", "xdocker/dockerfile"]
)
def test_other_frontends(reference: str) -> None:
    assert not is_known_frontend(reference)


def test_suggestions() -> None:
    assert did_you_mean("COYP", ["COPY", "CMD"]) == "did you mean COPY?"
    assert did_you_mean("qqq", ["COPY", "CMD"]) == ""
