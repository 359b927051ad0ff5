"""DuplicateStageName: each stage has a name of its own."""

from __future__ import annotations

from collections.abc import Iterator

from ci_builder.dockerfile.dockerfile import Dockerfile
from ci_builder.dockerfile.lint.finding import Finding

NAME = "DuplicateStageName"


def duplicate_stage_name(dockerfile: Dockerfile) -> Iterator[Finding]:
    """A later stage has the name of an earlier one, which cannot be meant from there on."""
    seen: set[str] = set()
    for stage in dockerfile.stages:
        if stage.name in seen:
            yield Finding(NAME, f"there is a stage {stage.name!r} already", stage.base.line)
        if stage.name:
            seen.add(stage.name)
