"""Our reader beside BuildKit's own parser, which the package ``dockerfile`` on PyPI carries.

The same instructions, line ranges, flags, words and heredocs. What the parser in there does otherwise, as
it is older than BuildKit's present one, is not generated: ``<< EOF`` with a blank, an ``escape`` directive
behind a ``check``, text behind a JSON array; heredocs and flags of ONBUILD (it reads but does not show them).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_builder.dockerfile.flags import take_flags
from ci_builder.dockerfile.instructions import parse_instruction
from ci_builder.dockerfile.reader import Line, read, read_trigger
from ci_builder.errors import DockerfileError
from ci_builder.span import Source

GOLDEN = Path(__file__).parents[2] / "golden"
oracle = pytest.importorskip("dockerfile", reason="the package dockerfile is for Linux on x86-64 only")


@dataclass(frozen=True, slots=True)
class Shown:
    """An instruction as both can show it; ``words`` is None where one of them does not take it apart."""

    keyword: str
    lines: tuple[int, int]
    text: str
    flags: tuple[str, ...]
    heredocs: tuple[tuple[str, str, int], ...]
    words: tuple[str, ...] | None


_WORDS: Mapping[str, Callable[[Any], tuple[str, ...]]] = MappingProxyType(
    {
        "Add": lambda item: (*item.sources.paths, item.sources.destination),
        "Arg": lambda item: tuple(name if value is None else f"{name}={value}" for name, value in item.args),
        "Cmd": lambda item: item.command.words,
        "Copy": lambda item: (*item.sources.paths, item.sources.destination),
        "Entrypoint": lambda item: item.command.words,
        "Env": lambda item: tuple(word for pair in item.pairs for word in pair),
        "Expose": lambda item: item.ports,
        "Label": lambda item: tuple(word for pair in item.pairs for word in pair),
        "Maintainer": lambda item: (item.author,),
        "Run": lambda item: item.command.words,
        "Shell": lambda item: item.words,
        "StopSignal": lambda item: (item.signal,),
        "User": lambda item: (item.user,),
        "Volume": lambda item: item.paths,
        "Workdir": lambda item: (item.path,),
    }
)


def ours(text: str) -> list[Shown] | None:
    """None for text that we refuse."""
    try:
        return [_shown(line) for line in read(Source("Dockerfile", text)).lines]
    except DockerfileError:
        return None


def _shown(line: Line) -> Shown:
    onbuild = line.keyword == "onbuild"
    inner = read_trigger(line.original.split(maxsplit=1)[1], line) if onbuild and line.rest else line
    return Shown(
        line.keyword,
        (line.span.first, line.span.last),
        line.text,
        () if onbuild else _flags(line),
        () if onbuild else tuple((item.name, item.content, item.descriptor) for item in line.heredocs),
        None if inner.heredocs else _words(inner),
    )


def _flags(line: Line) -> tuple[str, ...]:
    """As they are written; the flags that an instruction knows do not matter here."""
    found = re.findall(r"(?:^|\s)--([a-z-]+)", line.rest)
    try:
        flags = take_flags(line, frozenset(found))
    except DockerfileError:
        return ("not comparable",)
    return tuple(f"--{name}={value}" for name, value in flags.values.items())


def _words(line: Line) -> tuple[str, ...] | None:
    try:
        item = parse_instruction(line)
    except DockerfileError:
        return None
    show = _WORDS.get(type(item).__name__)
    words = show(item) if show else None
    return tuple(sorted(words)) if words is not None and type(item).__name__ == "Expose" else words


def theirs(text: str) -> list[Shown] | None:
    """None for text that they refuse."""
    try:
        commands = oracle.parse_string(text)
    except oracle.GoParseError:
        return None
    return [_from_oracle(command) for command in commands]


def _from_oracle(command: Any) -> Shown:
    heredocs = tuple((item.name, item.content, item.file_descriptor) for item in command.heredocs)
    bodies = "".join(f"{content}{name}\n" for name, content, _ in heredocs)
    original = command.original or ""
    text = original.removesuffix(bodies) if bodies else original
    keyword = (command.sub_cmd or command.cmd or "").lower()
    known = keyword.capitalize() in _WORDS or keyword == "stopsignal"
    words = tuple(command.value) if known and not heredocs else None
    if words is not None and keyword == "volume":
        words = tuple(word.strip() for word in words)
    if words is not None and keyword in ("expose",):
        words = tuple(sorted(words))
    return Shown(
        (command.cmd or "").lower(),
        (command.start_line, command.end_line),
        text.strip(),
        () if command.sub_cmd else tuple(command.flags),
        heredocs,
        words,
    )


def refused(text: str) -> bool:
    """Whether we refuse one of the instructions, which for them is a matter of reading."""
    try:
        for line in read(Source("Dockerfile", text)).lines:
            parse_instruction(line)
    except DockerfileError:
        return True
    return False


def check_alike(text: str) -> None:
    mine, other = ours(text), theirs(text)
    if mine is None or other is None:
        assert other is None, "only we cannot read it"
        assert mine is None or refused(text), "only they refuse it"
        return
    for one, two in zip(mine, other, strict=False):
        comparable = one.flags != ("not comparable",)
        assert (one.keyword, one.lines, one.text) == (two.keyword, two.lines, two.text)
        assert one.heredocs == two.heredocs
        assert not comparable or one.flags == two.flags
        assert None in (one.words, two.words) or one.words == two.words
    assert len(mine) == len(other)


_PLAIN = st.text(st.sampled_from("abz09./-_:@,+{}$~!%"), min_size=1, max_size=6)
_WORD = st.one_of(
    _PLAIN,
    st.sampled_from(["$x", "${x:-a b}", '"a b"', "'a b'", "a\\ b", '"\\""', "\\$x", "é", "a#b", "<EOF", "#"]),
)
_ARGUMENTS = st.lists(_WORD, min_size=1, max_size=4).map(" ".join)
_PAIRS = st.lists(st.tuples(st.sampled_from("abc"), _WORD), min_size=1, max_size=3).map(
    lambda pairs: " ".join(f"{name}={value}" for name, value in pairs)
)
_JSON = st.lists(st.sampled_from(["a", "b c", '\\"', "\\\\", "\\u00e9", "<<EOF"]), max_size=3).map(
    lambda words: "[" + ", ".join(f'"{word}"' for word in words) + "]"
)
_BROKEN_JSON = st.sampled_from(['["a"', "['a']", '["a",]', "[a]", "[]", "[", '["a" "b"]'])
_FLAGS = st.sampled_from(
    ["", "--from=a ", '--chown="a b" ', "--chmod=7\\55 ", "--network=none --x=y ", "-- "]
)
_KEYWORD = st.sampled_from("RUN run Cmd ENTRYPOINT COPY ADD VOLUME SHELL".split())
_LINES = st.one_of(
    st.builds("{} {}{}".format, _KEYWORD, _FLAGS, st.one_of(_ARGUMENTS, _JSON, _BROKEN_JSON)),
    st.builds("{} {}".format, st.sampled_from(["ENV", "LABEL", "ARG"]), _PAIRS),
    st.builds("{} {}".format, st.sampled_from(["ENV", "LABEL", "env"]), _ARGUMENTS),
    st.builds(
        "{} {}".format,
        st.sampled_from("FROM EXPOSE USER WORKDIR STOPSIGNAL MAINTAINER NOPE".split()),
        _ARGUMENTS,
    ),
    st.builds("ONBUILD {} {}{}".format, _KEYWORD, _FLAGS, st.one_of(_ARGUMENTS, _JSON)),
    st.builds("HEALTHCHECK --interval=1s CMD {}".format, st.one_of(_ARGUMENTS, _JSON)),
    st.sampled_from(["", "  ", "# comment", "\t# comment \\", "#"]),
    st.builds(
        "RUN <<{0}{1}EOF{1} cat\n{2}\nEOF".format,
        st.sampled_from(["", "-"]),
        st.sampled_from(["", '"', "'"]),
        _ARGUMENTS,
    ),
    st.builds("COPY <<A 3<<-B /x/\n{}\nA\n\t{}\n\tB".format, _ARGUMENTS, _ARGUMENTS),
)
_BREAKS = st.sampled_from([" ", " ", " ", " \\\n", " \\  \n\t", " \\\n\n  # comment\n", " \\\\\n", "\\\n"])


@st.composite
def dockerfiles(draw: st.DrawFn) -> str:
    """Lines, some of them continued at a blank."""
    lines = []
    for line in draw(st.lists(_LINES, min_size=1, max_size=5)):
        if "\n" in line:
            lines.append(line)
            continue
        lines.append(re.sub(" ", lambda _: draw(_BREAKS), line, count=draw(st.integers(0, 2))))
    start = draw(st.sampled_from(["", "\ufeff", "# escape=\\\n", "# syntax=docker/dockerfile:1\n", "#!/x\n"]))
    end = draw(st.sampled_from(["\n", "\r\n"]))
    return (start + "\n".join(lines)).replace("\n", end) + draw(st.sampled_from(["", end]))


@given(dockerfiles())
def test_lines_alike(text: str) -> None:
    check_alike(text)


_ODD = frozenset(
    "json-then-text directives heredoc-spaced run-heredocs "
    "directive-check-error directive-check-unknown directive-frontend directive-frontend-slashes "
    "directive-frontend-json".split()
)
_FILES = sorted(path for path in GOLDEN.rglob("*.Dockerfile") if path.stem not in _ODD)


@pytest.mark.parametrize("path", _FILES, ids=lambda path: path.stem)
def test_golden_dockerfiles_alike(path: Path) -> None:
    check_alike(path.read_bytes().decode())


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("RUN a\nRUN b", "RUN a\nRUN c"),
        ("RUN a", "RUN \\\na"),
        ("COPY --from=a b c", "COPY --from=x b c"),
        ("RUN <<EOF\na\nEOF", "RUN <<EOF\nb\nEOF"),
        ("ENV a=b", "ENV a=c"),
    ],
)
def test_the_comparison_can_fail(text: str, other: str) -> None:
    assert ours(text) == ours(text) != ours(other)
    assert theirs(text) == theirs(text) != theirs(other)
