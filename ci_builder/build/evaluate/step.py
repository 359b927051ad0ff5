"""Steps, with what every step has."""

from __future__ import annotations

from ci_builder.build.action import Action, Step
from ci_builder.dockerfile.reader import Line

_LAYER_MARK = " # buildkit"


def config_step(line: Line, created_by: str) -> Step:
    """The step of an instruction that changes the config only."""
    return Step(line.span, title(line), created_by)


def layer_step(line: Line, created_by: str, actions: tuple[Action, ...]) -> Step:
    """The step of an instruction whose layer BuildKit marks in the history as its own."""
    return Step(line.span, title(line), created_by + _LAYER_MARK, actions)


def title(line: Line) -> str:
    """The instruction for people: its name in upper case, and the first line of a heredoc."""
    name = line.text[: len(line.keyword)].upper()
    text = name + line.text[len(line.keyword) :]
    if line.keyword == "run" and line.heredocs:
        body = line.heredocs[0].content.strip().splitlines() or [""]
        text += f" ({body[0]}{'...' if len(body) > 1 else ''})"
    return text
