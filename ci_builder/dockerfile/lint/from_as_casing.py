"""FromAsCasing: ``FROM … AS`` or ``from … as``, not a mixture."""

from __future__ import annotations

from collections.abc import Iterator

from ci_builder.dockerfile.dockerfile import Dockerfile
from ci_builder.dockerfile.lint.finding import Finding
from ci_builder.dockerfile.lint.words import instruction_word, words_of_from

NAME = "FromAsCasing"


def from_as_casing(dockerfile: Dockerfile) -> Iterator[Finding]:
    """AS is not in the case of FROM. A FROM that mixes cases itself is ConsistentInstructionCasing's."""
    for stage in dockerfile.stages:
        words, keyword = words_of_from(stage.base), instruction_word(stage.base.line)
        if len(words) < 3 or keyword not in (keyword.lower(), keyword.upper()):
            continue
        wanted = words[1].lower() if keyword == keyword.lower() else words[1].upper()
        if words[1] != wanted:
            message = f"{words[1]!r} is not in the case of {keyword!r}; write {wanted}"
            yield Finding(NAME, message, stage.base.line)
