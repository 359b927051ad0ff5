"""FromPlatformFlagConstDisallowed: a fixed ``FROM --platform`` ties a Dockerfile to one platform."""

from __future__ import annotations

from collections.abc import Iterator

from ci_builder.build.lint.global_args import GlobalArgs, expanded
from ci_builder.dockerfile.dockerfile import Dockerfile
from ci_builder.dockerfile.lint.finding import Finding
from ci_builder.errors import InvalidValue
from ci_builder.oci.platform import Platform

NAME = "FromPlatformFlagConstDisallowed"


def from_platform_flag_const_disallowed(dockerfile: Dockerfile, args: GlobalArgs) -> Iterator[Finding]:
    """The platform has no variable in it, and the stage's name does not say which one is meant."""
    for stage in dockerfile.stages:
        found = expanded(stage.base.platform, args.values, stage.base.line)
        if not found or not found.text or found.used or found.missing:
            continue
        try:
            platform = Platform.parse(found.text)
        except InvalidValue:
            continue
        if platform.os not in stage.name and platform.architecture not in stage.name:
            message = f"--platform={found.text} is fixed; use $BUILDPLATFORM, or a stage for each platform"
            yield Finding(NAME, message, stage.base.line)
