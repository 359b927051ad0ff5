"""InvalidDefinitionDescription (experimental): a comment above ARG or FROM describes it.

``--call=targets`` shows such a comment, which begins with the name: ``# build compiles the program``.
"""

from __future__ import annotations

from collections.abc import Iterator

from ci_builder.dockerfile.dockerfile import Dockerfile
from ci_builder.dockerfile.instructions.arg import Arg
from ci_builder.dockerfile.lint.finding import Finding
from ci_builder.dockerfile.reader import Line

NAME = "InvalidDefinitionDescription"


def invalid_definition_description(dockerfile: Dockerfile) -> Iterator[Finding]:
    """The comment right above an ARG or a named stage does not begin with the name."""
    for arg in dockerfile.global_args:
        yield from _check(arg.line, "ARG", tuple(name for name, _ in arg.args))
    for stage in dockerfile.stages:
        if stage.name:
            yield from _check(stage.base.line, "FROM", (stage.name,))
        for item in stage.instructions:
            if isinstance(item, Arg):
                yield from _check(item.line, "ARG", tuple(name for name, _ in item.args))


def _check(line: Line, instruction: str, names: tuple[str, ...]) -> Iterator[Finding]:
    if not line.comments or line.comments[-1].split(" ")[0] in names:
        return
    begins = names[0] if len(names) == 1 else "one of the names"
    message = (
        f"the comment above {instruction} does not begin with {begins}; put a blank line between them "
        "if it does not describe it"
    )
    yield Finding(NAME, message, line, experimental=True)
