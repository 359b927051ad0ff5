"""NoEmptyContinuation: no blank lines within an instruction that goes on over several lines."""

from __future__ import annotations

from collections.abc import Iterator

from ci_builder.dockerfile.dockerfile import Dockerfile
from ci_builder.dockerfile.lint.finding import Finding

NAME = "NoEmptyContinuation"


def no_empty_continuation(dockerfile: Dockerfile) -> Iterator[Finding]:
    """A blank line between a line that ends in the escape character and the rest."""
    instructions = [*dockerfile.global_args]
    lines = [item.line for item in instructions]
    for stage in dockerfile.stages:
        lines += [stage.base.line, *(item.line for item in stage.instructions)]
    for line in lines:
        if line.blank:
            name = line.keyword.upper()
            yield Finding(NAME, f"a blank line within {name}, which goes on below it", line, at=line.blank)
