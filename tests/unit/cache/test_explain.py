"""Why a step was not found, in one line."""

from __future__ import annotations

import pytest

from ci_builder.cache.explain import compare
from ci_builder.cache.told import Told
from tests.unit.cache.records import NOW, record

_BEFORE = {
    "base": "1" * 16,
    "layers below": "2" * 16,
    "argv": "3" * 16,
    "variable A": "4" * 16,
    "file src/main.c": "5" * 16,
}


def _told(**changes: str | None) -> Told:
    names = {"base": "base", "below": "layers below", "argv": "argv", "a": "variable A", "b": "variable B"}
    names |= {"file": "file src/main.c", "new": "file src/new.c"}
    found: dict[str, str | None] = dict(_BEFORE)
    found |= {names[name]: value for name, value in changes.items()}
    return tuple((name, value) for name, value in found.items() if value is not None)


_OTHER = "f" * 16


@pytest.mark.parametrize(
    ("after", "reason"),
    [
        (_told(base=_OTHER), "the base image is another one"),
        (_told(base=_OTHER, below=_OTHER, argv=_OTHER), "the base image is another one"),
        (_told(below=_OTHER), "an instruction before it gave another layer"),
        (_told(argv=_OTHER), "the command changed"),
        (_told(a=_OTHER), "the variable A has another value"),
        (_told(a=None), "the variable A was removed"),
        (_told(b=_OTHER), "the variable B was added"),
        (_told(file=_OTHER), "the file 'src/main.c' changed"),
        (_told(file=None), "the file 'src/main.c' was removed"),
        (_told(new=_OTHER), "the file 'src/new.c' was added"),
        (_told(file=_OTHER, new=_OTHER), "the file 'src/main.c' changed (1 more)"),
        (_told(), "it was in the cache for too long, or its layer is gone"),
    ],
)
def test_the_first_input_that_changed(after: Told, reason: str) -> None:
    records = [record(title="COPY src /", inputs=_told())]
    assert compare(records, "app", "COPY src /", after).reason == reason


def test_nothing_like_it() -> None:
    assert compare([], "app", "RUN a", _told()).reason == "there is nothing like it in the cache"
    records = [record(title="RUN a", inputs=_told(base=_OTHER))]
    assert compare(records, "app", "RUN b", _told()).reason == "there is nothing like it in the cache"


def test_another_instruction_at_the_same_place() -> None:
    records = [record(title="RUN make", inputs=_told())]
    reason = compare(records, "app", "RUN make all", _told(argv=_OTHER)).reason
    assert reason == "the instruction changed, which was: RUN make"


def test_the_nearest_of_several_is_compared() -> None:
    records = [
        record("far", title="RUN a", inputs=_told(base=_OTHER, argv=_OTHER), made=NOW + 9),
        record("near", title="RUN a", inputs=_told(a=_OTHER), made=NOW),
        record("elsewhere", title="RUN a", stage="other", inputs=_told(), made=NOW + 10),
    ]
    found = compare(records, "app", "RUN a", _told())
    assert found.record is records[1]
    assert found.reason == "the variable A has another value"


def test_a_stage_that_was_renamed_is_found_all_the_same() -> None:
    records = [record(title="RUN a", stage="before", inputs=_told(a=_OTHER))]
    assert compare(records, "after", "RUN a", _told()).reason == "the variable A has another value"


def test_it_is_one_line_whatever_names_there_are() -> None:
    name = "file a\nb\x1b[2J"
    reason = compare([record(inputs=((name, _OTHER),))], "app", "RUN a", ((name, "0" * 16),)).reason
    assert reason.splitlines() == [reason]
    assert "\x1b" not in reason
    title = "RUN a\nb\x1b[2J"
    records = [record(title=title, inputs=_told())]
    reason = compare(records, "app", "RUN b", _told()).reason
    assert "\n" not in reason
    assert "\x1b" not in reason
