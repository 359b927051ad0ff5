"""Steps, with what every step has."""

from __future__ import annotations

from ci_builder.build.action import Action, Step
from ci_builder.dockerfile.reader import Line
from ci_builder.untrusted import without_passwords

_FETCHING = ("add", "onbuild")
_LAYER_MARK = " # buildkit"


def config_step(line: Line, created_by: str) -> Step:
    """The step of an instruction that changes the config only."""
    return Step(line.span, title(line), created_by)


def layer_step(
    line: Line, created_by: str, actions: tuple[Action, ...], remark: str = "", *, linked: bool = False
) -> Step:
    """The step of an instruction whose layer BuildKit marks in the history as its own; ``remark`` goes
    behind the title."""
    return Step(line.span, title(line) + remark, created_by + _LAYER_MARK, actions, linked)


def title(line: Line) -> str:
    """The instruction for people: its name in upper case, and no password of what ADD fetches, since it gets
    into caches as well."""
    text = line.text[: len(line.keyword)].upper() + line.text[len(line.keyword) :]
    return without_passwords(text) if line.keyword in _FETCHING else text
