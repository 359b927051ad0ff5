"""StageNameCasing: names of stages are in lower case, as they are looked up."""

from __future__ import annotations

from collections.abc import Iterator

from ci_builder.dockerfile.dockerfile import Dockerfile
from ci_builder.dockerfile.lint.finding import Finding
from ci_builder.dockerfile.lint.words import words_of_from

NAME = "StageNameCasing"


def stage_name_casing(dockerfile: Dockerfile) -> Iterator[Finding]:
    """A stage's name has capital letters."""
    for stage in dockerfile.stages:
        words = words_of_from(stage.base)
        if len(words) == 3 and words[2] != words[2].lower():
            yield Finding(NAME, f"the stage name {words[2]!r} is not in lower case", stage.base.line)
