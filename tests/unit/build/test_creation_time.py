"""SOURCE_DATE_EPOCH: from the build argument, the variable, an ARG; ``context``; wrong values are errors."""

from __future__ import annotations

from pathlib import Path

import pytest

from ci_builder.build.creation_time import check_time, creation_time, timestamp
from ci_builder.context.context import Context
from ci_builder.dockerfile.dockerfile import parse
from ci_builder.errors import UsageError
from ci_builder.progress import Event, Notice
from ci_builder.request import Request
from ci_builder.span import Source

NAME = "SOURCE_DATE_EPOCH"


def _found(
    argument: str = "",
    variable: str = "",
    first: str = "",
    moment: int | None = None,
    epoch: int | None = None,
) -> tuple[int | None, str | None, str]:
    """The time, the build argument that the Dockerfile sees, and what was told."""
    told: list[Event] = []
    request = Request(build_args=((NAME, argument),) if argument else (), epoch=epoch)
    dockerfile = parse(Source("Dockerfile", f"{first}\nFROM scratch\n"))
    context = Context("it", Path("/"), moment=moment)
    made = creation_time(request, {NAME: variable}, dockerfile, context, told.append)
    texts = [event.text for event in told if isinstance(event, Notice)]
    return made.epoch, dict(made.request.build_args).get(NAME), " ".join(texts)


def test_the_argument_wins_over_the_variable_over_the_file() -> None:
    first = f"ARG {NAME}=7"
    assert _found("0", "5", first) == (0, "0", "")
    assert _found("", "5", first) == (5, "5", "")
    assert _found("", "", first) == (7, "7", "")
    assert _found("", "", f"ARG {NAME}") == (None, None, "")


def test_the_time_of_the_context() -> None:
    assert _found("context", moment=9) == (9, "9", "")
    assert _found("", "context", moment=9) == (9, "9", "")
    assert _found("", "", f"ARG {NAME}=context", moment=9) == (9, "9", "")
    assert _found("", "3", moment=9) == (3, "3", "")


def test_a_folder_has_no_time_and_that_is_told() -> None:
    epoch, argument, told = _found("context")
    assert (epoch, argument) == (None, None)
    assert "a folder has no time of its own" in told


def test_whether_a_time_was_asked_for() -> None:
    """rewrite-timestamp=true wants that; it is fine when there is none."""
    dockerfile, context = parse(Source("Dockerfile", "FROM scratch\n")), Context("it", Path("/"))
    for variables, asked in (({}, False), ({NAME: "context"}, True), ({NAME: "5"}, True)):
        assert creation_time(Request(), variables, dockerfile, context, lambda _: None).asked == asked


def test_what_the_request_says_is_not_shown_to_the_dockerfile() -> None:
    assert _found("5", epoch=0) == (0, "5", "")


def test_as_text() -> None:
    assert timestamp(0) == "1970-01-01T00:00:00Z"
    assert timestamp(1700000000) == "2023-11-14T22:13:20Z"
    assert timestamp(None) == ""


@pytest.mark.parametrize("text", ["now", "1.5", "9" * 30, "-1"])
def test_no_number_of_seconds(text: str) -> None:
    with pytest.raises(UsageError, match=NAME):
        check_time(Request(build_args=((NAME, text),)), {})
    with pytest.raises(UsageError, match=NAME):
        _found("", "", f"ARG {NAME}={text}")
