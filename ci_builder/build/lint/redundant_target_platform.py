"""RedundantTargetPlatform: ``--platform=$TARGETPLATFORM`` is what FROM does anyway."""

from __future__ import annotations

from collections.abc import Iterator

from ci_builder.build.lint.global_args import GlobalArgs, expanded
from ci_builder.dockerfile.dockerfile import Dockerfile
from ci_builder.dockerfile.lint.finding import Finding

NAME = "RedundantTargetPlatform"
_TARGET = "TARGETPLATFORM"


def redundant_target_platform(dockerfile: Dockerfile, args: GlobalArgs) -> Iterator[Finding]:
    """The platform is $TARGETPLATFORM and nothing else."""
    for stage in dockerfile.stages:
        written = stage.base.platform
        found = expanded(written, args.values, stage.base.line)
        if found and found.used == {_TARGET} and not found.missing and found.text == args.values.get(_TARGET):
            yield Finding(NAME, f"--platform={written} can go: it is the default", stage.base.line)
