"""Flags of three kinds."""

from __future__ import annotations

import pytest

from ci_builder.dockerfile.flags import Known, take_flags
from ci_builder.dockerfile.instructions import Add, Copy, parse_instruction
from ci_builder.dockerfile.reader import Line
from ci_builder.errors import DockerfileError
from ci_builder.span import Source, Span

KNOWN = Known(frozenset({"one"}), frozenset({"many"}), frozenset({"on"}))


def _line(rest: str, keyword: str = "copy") -> Line:
    text = f"{keyword} {rest}"
    return Line(Source("f", text), Span("f", 1, 1), text, keyword, rest)


@pytest.mark.parametrize(
    ("text", "on"),
    [("", False), ("--on", True), ("--on=true", True), ("--on=TRUE", True), ("--on=False", False)],
)
def test_switches(text: str, on: bool) -> None:
    assert take_flags(_line(f"{text} x"), KNOWN).is_on("on") is on


def test_values_and_lists() -> None:
    flags = take_flags(_line("--many=a --one=1 --many= --many=a b"), KNOWN)
    assert flags.get("one") == "1"
    assert flags.all("many") == ("a", "", "a")
    assert flags.rest == "b"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("--on=", "is true or false, not ''"),
        ("--on=1", "is true or false, not '1'"),
        ("--on --on", "is given twice"),
        ("--one=1 --one=1", "is given twice"),
        ("--many x", "needs a value"),
        ("--one x", "needs a value"),
        ("--many-=x", "unknown flag --many-"),
    ],
)
def test_errors(text: str, said: str) -> None:
    with pytest.raises(DockerfileError, match=said):
        take_flags(_line(text), KNOWN)


@pytest.mark.parametrize(
    ("keyword", "flag"),
    [(name, flag) for name in ("add", "copy") for flag in ("chown=1", "chmod=1", "link", "exclude=x")]
    + [("copy", "from=x"), ("copy", "parents")]
    + [
        ("add", "checksum=x"),
        ("add", "keep-git-dir"),
        ("add", "unpack=false"),
        ("add", "keep-git-dir=false"),
    ],
)
def test_no_flag_of_the_reference_is_forgotten(keyword: str, flag: str) -> None:
    with_flag = parse_instruction(_line(f"--{flag} a b", keyword))
    without = parse_instruction(_line("a b", keyword))
    assert isinstance(with_flag, Add | Copy)
    fields = [name for name in type(with_flag).__slots__ if name != "line"]
    assert [name for name in fields if getattr(with_flag, name) != getattr(without, name)], flag
