"""MaintainerDeprecated: the author of an image is a label."""

from __future__ import annotations

from collections.abc import Iterator

from ci_builder.dockerfile.dockerfile import Dockerfile
from ci_builder.dockerfile.instructions.maintainer import Maintainer
from ci_builder.dockerfile.lint.finding import Finding

NAME = "MaintainerDeprecated"


def maintainer_deprecated(dockerfile: Dockerfile) -> Iterator[Finding]:
    """MAINTAINER is used."""
    for stage in dockerfile.stages:
        for item in stage.instructions:
            if isinstance(item, Maintainer):
                label = f'LABEL org.opencontainers.image.authors="{item.author}"'
                message = f"MAINTAINER is deprecated; write {label}"
                yield Finding(NAME, message, item.line)
