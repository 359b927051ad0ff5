"""Words of instructions as they are written, for rules about how things are written."""

from __future__ import annotations

from ci_builder.dockerfile.arguments import split_blank
from ci_builder.dockerfile.flags import take_flags
from ci_builder.dockerfile.instructions.from_ import From
from ci_builder.dockerfile.reader import Line


def instruction_word(line: Line) -> str:
    """The instruction's name in the case that it is written in."""
    return line.text[: len(line.keyword)]


def words_of_from(base: From) -> tuple[str, ...]:
    """``image``, or ``image``, ``AS`` and ``name``, as written."""
    return split_blank(take_flags(base.line, frozenset({"platform"})).rest)
