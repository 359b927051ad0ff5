"""InvalidBaseImagePlatform: the base image is for the platform of the build."""

from __future__ import annotations

from collections.abc import Iterator

from ci_builder.build.lint.trace import StageTrace
from ci_builder.dockerfile.lint.finding import Finding

NAME = "InvalidBaseImagePlatform"


def invalid_base_image_platform(trace: StageTrace) -> Iterator[Finding]:
    """The image that FROM names is for another system or architecture. A build refuses it (build/bases)."""
    wanted, actual = trace.base.wanted, trace.base.actual
    if actual is None or not actual.architecture:
        return
    if (actual.os, actual.architecture) != (wanted.os, wanted.architecture):
        base = trace.stage.stage.base
        yield Finding(NAME, f"the base image {base.base} is for {actual}, the build for {wanted}", base.line)
