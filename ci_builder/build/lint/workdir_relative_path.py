"""WorkdirRelativePath: the first WORKDIR is absolute, so that it does not depend on the base image."""

from __future__ import annotations

from collections.abc import Iterator

from ci_builder.build.lint.trace import StageTrace
from ci_builder.dockerfile.instructions import Workdir
from ci_builder.dockerfile.lint.finding import Finding

NAME = "WorkdirRelativePath"


def workdir_relative_path(trace: StageTrace) -> Iterator[Finding]:
    """The first WORKDIR of the Dockerfile for this stage is relative."""
    first = next((step for step in trace.steps if isinstance(step.instruction, Workdir)), None)
    if trace.workdir_set or first is None or not isinstance(first.instruction, Workdir):
        return
    path = first.before.expand(first.instruction.path, first.instruction.line)
    if not path.startswith("/"):
        message = f"WORKDIR {path} counts from wherever the base image is; write an absolute path"
        yield Finding(NAME, message, first.instruction.line)
