"""CopyIgnoredFile: COPY and ADD of what .dockerignore leaves out will not find it."""

from __future__ import annotations

import os
from collections.abc import Iterator

from ci_builder.build.evaluate import paths
from ci_builder.build.lint.trace import StageTrace
from ci_builder.dockerfile.instructions import Add, Copy
from ci_builder.dockerfile.lint.finding import Finding

NAME = "CopyIgnoredFile"


def copy_ignored_file(trace: StageTrace) -> Iterator[Finding]:
    """A source in the build context is ignored. With ``!`` patterns nothing is said, as with BuildKit: what
    is left out may hold what is not."""
    if any(pattern.exception for pattern in trace.base.ignore.patterns):
        return
    for step in trace.steps:
        item = step.instruction
        if not isinstance(item, Add | Copy) or (isinstance(item, Copy) and item.origin):
            continue
        for written in item.sources.paths:
            source = step.before.expand(written, item.line)
            if "://" in source or source.startswith("git@"):
                continue
            if trace.base.ignore.excludes(os.fsencode(paths.source(source))):
                message = f"{item.line.keyword.upper()} of {source!r}, which .dockerignore leaves out"
                yield Finding(NAME, message, item.line)
