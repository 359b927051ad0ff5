"""The words of EXPOSE, expanded, for the rules about them."""

from __future__ import annotations

from collections.abc import Iterator

from ci_builder.build.lint.trace import StageTrace
from ci_builder.dockerfile.instructions import Expose
from ci_builder.dockerfile.reader import Line
from ci_builder.dockerfile.words import Rules


def exposed(trace: StageTrace) -> Iterator[tuple[str, Line]]:
    """Each word with the line of its EXPOSE."""
    for step in trace.steps:
        if isinstance(step.instruction, Expose):
            line = step.instruction.line
            for text in step.instruction.ports:
                for word in step.before.expansion(text, line, Rules(escape=line.escape)).words:
                    yield word, line
