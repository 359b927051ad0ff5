"""JSONArgsRecommended: CMD and ENTRYPOINT in exec form, so that signals reach the program."""

from __future__ import annotations

from collections.abc import Iterator

from ci_builder.build.lint.trace import StageTrace
from ci_builder.dockerfile.instructions import Cmd, Entrypoint
from ci_builder.dockerfile.lint.finding import Finding

NAME = "JSONArgsRecommended"


def json_args_recommended(trace: StageTrace) -> Iterator[Finding]:
    """The shell form, unless SHELL says that a shell is meant."""
    for step in trace.steps:
        item = step.instruction
        if isinstance(item, Cmd | Entrypoint) and item.command.shell and not step.before.run.shell:
            name = item.line.keyword.upper()
            message = f'this {name} runs in a shell, which keeps signals to itself; write {name} ["…"]'
            yield Finding(NAME, message, item.line)
