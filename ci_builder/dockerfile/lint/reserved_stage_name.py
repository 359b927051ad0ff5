"""ReservedStageName: ``scratch`` and ``context`` mean something else in FROM and COPY --from."""

from __future__ import annotations

from collections.abc import Iterator

from ci_builder.dockerfile.dockerfile import Dockerfile
from ci_builder.dockerfile.lint.finding import Finding

NAME = "ReservedStageName"
_RESERVED = frozenset({"scratch", "context"})


def reserved_stage_name(dockerfile: Dockerfile) -> Iterator[Finding]:
    """A stage is called by a reserved word."""
    for stage in dockerfile.stages:
        if stage.name in _RESERVED:
            yield Finding(NAME, f"{stage.name!r} is a reserved word, no name for a stage", stage.base.line)
