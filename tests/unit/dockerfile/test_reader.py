"""From text to lines. More of it is in tests/golden/parsed."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_builder.dockerfile.dockerfile import parse, parse_trigger
from ci_builder.dockerfile.heredocs import find_marks, parse_mark
from ci_builder.dockerfile.instructions import Run
from ci_builder.dockerfile.reader import read
from ci_builder.errors import DockerfileError, InvalidValue
from ci_builder.span import Source, Span


def _texts(text: str) -> list[str]:
    return [line.text for line in read(Source("Dockerfile", text)).lines]


_PIECES = st.text(st.sampled_from("ab \t#'\"$<[]\\`é"), min_size=1, max_size=8)


@given(st.lists(_PIECES.map(lambda piece: "x" + piece.rstrip("\\ \t") + "y"), min_size=1), st.data())
def test_continued_lines_are_joined(pieces: list[str], data: st.DataObject) -> None:
    lines = [f"ENV {pieces[0]}"]
    for piece in pieces[1:]:
        lines[-1] += "\\" + data.draw(st.sampled_from(["", " ", "\t "]))
        lines += data.draw(st.lists(st.sampled_from(["", "  ", "# comment \\", "\t#"]), max_size=2))
        lines.append(piece)
    end = data.draw(st.sampled_from(["\n", "\r\n"]))
    text = end.join(["# first", *lines, "USER x"]) + end
    read_lines = read(Source("Dockerfile", text)).lines
    assert [line.text for line in read_lines] == ["ENV " + "".join(pieces), "USER x"]
    assert read_lines[0].span == Span("Dockerfile", 2, 1 + len(lines))


@given(
    st.lists(
        st.sampled_from(
            [
                "FROM a",
                "RUN ",
                "COPY ",
                "ADD ",
                "ENV ",
                "ARG ",
                "ONBUILD ",
                "HEALTHCHECK ",
                "EXPOSE ",
                "\\",
                "\n",
                "\\\n",
                "<<EOF",
                "EOF",
                '"',
                "'",
                "[",
                "]",
                '["a"]',
                "--from=a",
                "--x",
                " ",
                "#",
                "=",
                "$a",
                "${",
                "`",
                "# escape=`\n",
                "\ufeff",
                "\r\n",
                "\x00",
                "é",
                "VOLUME ",
                "LABEL ",
                "CMD ",
                "SHELL ",
                "USER ",
            ]
        ),
        max_size=25,
    ).map("".join)
    | st.text()
)
def test_any_text_is_a_dockerfile_or_an_error(text: str) -> None:
    with contextlib.suppress(DockerfileError):
        assert parse(Source("Dockerfile", text)).stages


@given(
    st.text(st.characters(exclude_characters="\n\r", exclude_categories=["Cs"]), max_size=30), st.booleans()
)
def test_heredoc_bodies_are_kept_as_they_are(body: str, more: bool) -> None:
    content = f"{body}x\n" + ("\\\n# no comment\n\n" if more else "")
    lines = read(Source("Dockerfile", f"RUN <<EOF cat\n{content}EOF\nUSER x\n")).lines
    assert lines[0].heredocs[0].content == content
    assert lines[1].text == "USER x"


def test_two_heredocs_in_one_line() -> None:
    line = read(Source("f", "COPY <<A <<-'B' /x/\n1\nA\n\t\t2\n\tB\n")).lines[0]
    assert [(item.name, item.body, item.expand) for item in line.heredocs] == [
        ("A", "1\n", True),
        ("B", "2\n", False),
    ]
    assert line.span == Span("f", 1, 5)


@pytest.mark.parametrize(
    "text", ["ENV <<EOF\nUSER x", 'RUN ["<<EOF"]\nUSER x', "RUN echo $((1 << 2)) $((x <<n))\nUSER x"]
)
def test_no_heredocs_where_there_are_none(text: str) -> None:
    assert _texts(text)[1] == "USER x"


@pytest.mark.parametrize(
    ("word", "name", "expand", "tabs", "descriptor"),
    [
        ("<<EOF", "EOF", True, False, 0),
        ("<<-EOF", "EOF", True, True, 0),
        ("3<<EOF", "EOF", True, False, 3),
        ("<<'EOF'", "EOF", False, False, 0),
        ('<<-"EOF"', "EOF", False, True, 0),
        ('<<E"O"F', "EOF", False, False, 0),
        ("<<$EOF", "$EOF", True, False, 0),
        ("<< EOF", "EOF", True, False, 0),
    ],
)
def test_marks(word: str, name: str, expand: bool, tabs: bool, descriptor: int) -> None:
    mark = parse_mark(word)
    assert mark is not None
    assert (mark.name, mark.expand, mark.strip_tabs, mark.descriptor) == (name, expand, tabs, descriptor)


@pytest.mark.parametrize("word", ["<<", "<EOF", "a<<EOF", "<<<EOF", "<<a b", "EOF"])
def test_no_marks(word: str) -> None:
    assert parse_mark(word) is None


@given(st.text(st.sampled_from("<'\"-\\$ aE3"), max_size=15))
def test_marks_never_crash(text: str) -> None:
    assert isinstance(find_marks(text) if not _is_broken(text) else (), tuple)


def _is_broken(text: str) -> bool:
    try:
        find_marks(text)
    except InvalidValue:
        return True
    return False


def test_a_surrogate_is_an_error_with_its_line() -> None:
    with pytest.raises(DockerfileError, match=r"f:2: this line is not UTF-8"):
        parse(Source("f", "FROM a\nRUN \udcff\n"))


def test_a_zero_byte_is_an_error_but_in_a_heredoc() -> None:
    with pytest.raises(DockerfileError, match=r"f:2: there is a zero byte"):
        parse(Source("f", "FROM a\nWORKDIR /a\0b\n"))
    parse(Source("f", "FROM a\nCOPY <<E /\na\0b\nE\n"))


def test_nothing_is_read_from_or_written_to_the_folder(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM other\n")
    before = Path.cwd()
    os.chdir(tmp_path)
    try:
        assert parse(Source("Dockerfile", "FROM a\nRUN b \\\n c\n")).stages[0].base.base == "a"
    finally:
        os.chdir(before)
    assert (tmp_path / "Dockerfile").read_text() == "FROM other\n"


def test_the_environment_is_not_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "seen")
    run = parse(Source("Dockerfile", "FROM a\nRUN x $SECRET \\\n ${SECRET}\n")).stages[0].instructions[0]
    assert isinstance(run, Run)
    assert run.command.words == ("x $SECRET  ${SECRET}",)


def test_a_trigger_points_at_its_from() -> None:
    stage = parse(Source("Dockerfile", "# one\nFROM a\n")).stages[0]
    run = parse_trigger("RUN <<EOF\nbody\nEOF", stage.base.line)
    assert run.line.span == Span("Dockerfile", 2, 2)
    assert run.line.heredocs[0].content == "body\n"
    for text in ("RUN <<EOF", "RUN a\nRUN b", "", "FROM x", "NOPE x"):
        with pytest.raises(DockerfileError, match=r"^Dockerfile:2: "):
            parse_trigger(text, stage.base.line)
