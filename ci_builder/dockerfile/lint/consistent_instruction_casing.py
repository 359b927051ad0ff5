"""ConsistentInstructionCasing: all instructions in upper case, or all in lower case."""

from __future__ import annotations

from collections.abc import Iterator

from ci_builder.dockerfile.dockerfile import Dockerfile
from ci_builder.dockerfile.lint.finding import Finding
from ci_builder.dockerfile.lint.words import instruction_word

NAME = "ConsistentInstructionCasing"


def consistent_instruction_casing(dockerfile: Dockerfile) -> Iterator[Finding]:
    """An instruction is not in the case of most; upper case when as many are in either. An ARG above the
    first FROM does not count."""
    items = [item for stage in dockerfile.stages for item in (stage.base, *stage.instructions)]
    lines = [item.line for item in items]
    words = [instruction_word(line) for line in lines]
    lower = sum(word == word.lower() for word in words)
    upper = sum(word == word.upper() for word in words)
    case = "lower" if lower > upper else "upper"
    for line, word in zip(lines, words, strict=True):
        wanted = word.lower() if case == "lower" else word.upper()
        if word != wanted:
            yield Finding(NAME, f"{word!r} is not in {case} case, as most of the file is", line)
