"""What people and programs see of a build."""

from __future__ import annotations

import contextlib
import io
import json
import os
import pty
import re
from collections.abc import Iterable

import pytest

from ci_builder.cli.rendering.choose import MODES, choose_renderer
from ci_builder.cli.rendering.lines_json import JsonRenderer
from ci_builder.cli.rendering.plain import PlainRenderer
from ci_builder.cli.rendering.terminal import TerminalRenderer
from ci_builder.cli.rendering.text import Lines, one_line, plain, size, visible
from ci_builder.progress import Event, Notice, StepFinished, StepOutput, StepStarted, Transferred

BUILD: tuple[Event, ...] = (
    Notice("info", "executor: namespace"),
    StepStarted("build 1/2", "RUN make \\\n    all"),
    StepOutput("build 1/2", b"cc -c a.c\nlink"),
    StepStarted("other 1/1", "COPY a b"),
    StepOutput("build 1/2", b"ing\n"),
    StepFinished("other 1/1", "cached", 0.0),
    StepOutput("build 1/2", b"no end of line"),
    StepFinished("build 1/2", "done", 2.25, "layer 1.2 MB"),
    Transferred("sha256:0123", "pushed", 1_234_567),
    Notice("warning", "JSON is better", "Dockerfile", 3),
    Notice("debug", "not shown"),
    StepStarted("last 1/1", "RUN false"),
    StepFinished("last 1/1", "failed", 0.5),
)

PLAIN = """\
executor: namespace
#1 [build 1/2] RUN make \\ all
#1 1.000 cc -c a.c

#2 [other 1/1] COPY a b

#1 3.000 linking

#2 CACHED

#1 4.000 no end of line
#1 DONE 2.2s layer 1.2 MB
pushed sha256:0123 1.2 MB
warning: Dockerfile:3: JSON is better

#3 [last 1/1] RUN false
#3 ERROR
"""


class Clock:
    """A second passes with each look."""

    def __init__(self) -> None:
        self.now = -1.0

    def __call__(self) -> float:
        self.now += 1.0
        return self.now


def test_plain() -> None:
    stream = io.StringIO()
    renderer = PlainRenderer(stream, Clock())
    for event in BUILD:
        renderer(event)
    renderer.close()
    times = re.compile(r"(?<=#\d )\d+\.\d{3}")
    assert times.sub("T", stream.getvalue()) == times.sub("T", PLAIN)


def test_plain_shows_debug_notices_when_asked() -> None:
    stream = io.StringIO()
    PlainRenderer(stream, Clock(), debug=True)(Notice("debug", "details"))
    assert stream.getvalue() == "debug: details\n"


def test_output_cannot_pretend_to_be_the_ci() -> None:
    stream = io.StringIO()
    renderer = PlainRenderer(stream, Clock())
    renderer(StepStarted("1", "RUN evil"))
    renderer(
        StepOutput(
            "1", b"::set-output name=x::y\n\x1b[0Ksection_end:1:build\r\x1b[0K\n\x1b]0;title\x07\x1b[2J!\n"
        )
    )
    lines = stream.getvalue().splitlines()
    assert all(line.startswith("#1 ") for line in lines)
    assert "\x1b" not in stream.getvalue()


def test_json() -> None:
    stream = io.StringIO()
    renderer = JsonRenderer(stream, Clock())
    for event in BUILD:
        renderer(event)
    renderer.close()
    objects = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [item["event"] for item in objects].count("step-output") == 3
    assert objects[1] == {
        "event": "step-started",
        "at": 2.0,
        "step": "build 1/2",
        "title": "RUN make \\\n    all",
    }
    assert objects[2]["data"] == "cc -c a.c\nlink"
    assert "not shown" not in stream.getvalue()


def test_json_takes_any_bytes() -> None:
    stream = io.StringIO()
    JsonRenderer(stream, Clock())(StepOutput("1", b"\xff\xfe"))
    assert json.loads(stream.getvalue())["data"] == "\ufffd\ufffd"


def on_a_terminal(events: Iterable[Event]) -> str:
    """What a terminal of the usual size is sent."""
    ours, theirs = pty.openpty()
    try:
        with os.fdopen(theirs, "w") as stream:
            renderer = TerminalRenderer(stream, Clock())
            for event in events:
                renderer(event)
            renderer.close()
            os.set_blocking(ours, False)
            with contextlib.suppress(BlockingIOError):
                received = bytearray()
                while True:
                    received += os.read(ours, 1 << 16)
            return received.decode()
    finally:
        os.close(ours)


def screen(text: str) -> list[str]:
    """The lines that are left on a terminal that got ``text``."""
    lines, row = [""], 0
    for part in re.split(r"(\x1b\[\d*[AJ]|\r\n|\r)", text):
        if match := re.fullmatch(r"\x1b\[(\d*)A", part):
            row -= int(match[1] or 1)
        elif part == "\x1b[J":
            del lines[row + 1 :]
            lines[row] = ""
        elif part == "\r\n":
            row += 1
            lines += [""] * (row + 1 - len(lines))
        elif part != "\r":
            lines[row] += re.sub(r"\x1b\[\d*m", "", part)
    return [re.sub(r"\s+", " ", line).strip() for line in lines if line]


def test_terminal_leaves_a_line_for_each_step() -> None:
    assert screen(on_a_terminal(BUILD)) == [
        "executor: namespace",
        "=> [other 1/1] COPY a b CACHED",
        "=> [build 1/2] RUN make \\ all layer 1.2 MB 2.2s",
        "warning: Dockerfile:3: JSON is better",
        "=> [last 1/1] RUN false ERROR",
        "=> pushed 1 blobs, 1.2 MB",
    ]


def test_terminal_shows_the_end_of_the_output_while_a_step_runs() -> None:
    lines = b"".join(b"line %d\n" % number for number in range(20))
    events: list[Event] = [StepStarted("1", "RUN make"), StepOutput("1", lines)]
    text = on_a_terminal(events)
    assert "line 19" in text
    assert "line 13" not in text


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_has_a_renderer(mode: str) -> None:
    stream = io.StringIO()
    renderer = choose_renderer(mode, stream)
    for event in BUILD:
        renderer(event)
    renderer.close()
    assert bool(stream.getvalue()) == (mode != "quiet")


def test_auto_is_plain_where_there_is_no_terminal() -> None:
    assert isinstance(choose_renderer("auto", io.StringIO()), PlainRenderer)


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (999_949, "999.9 kB"),
        (999_999, "1.0 MB"),
        (5 * 10**15, "5000.0 TB"),
    ],
)
def test_sizes(count: int, text: str) -> None:
    assert size(count) == text


def test_lines_of_output() -> None:
    assert visible("10%\r50%\r100%") == "100%"
    assert visible("done\r") == "done"
    assert visible("\x1b[31mred\x1b[0m \x1b[2K\x08x") == "\x1b[31mred\x1b[0m x"
    assert plain("\x1b[31mred\x1b[0m\tx") == "red     x"
    assert one_line("a \\\n  b", 4) == "a \\…"
    lines = Lines()
    assert lines.feed("é".encode()[:1]) == []
    assert lines.feed("é".encode()[1:] + b"\nrest") == ["é"]
    assert lines.end() == ["rest"]
    assert lines.end() == []
