"""Commands of another kind of machine: there is no emulation."""

from __future__ import annotations

from ci_builder.build.action import Step
from ci_builder.build.platforms import host_platform
from ci_builder.errors import DockerfileError
from ci_builder.oci.platform import Platform
from ci_builder.span import Source


def need_this_machine(step: Step, platform: Platform, source: Source) -> None:
    """Raises DockerfileError for a ``step`` that runs a command, of an image for another kind of machine."""
    host = host_platform()
    if platform.architecture and not host.runs(platform):
        raise DockerfileError(
            f"this RUN is for {platform}, the machine is {host}, and emulation is not supported",
            source=source,
            span=step.span,
            hint=f"run the job on a machine of {platform}; a stage that compiles for it may be FROM "
            "--platform=$BUILDPLATFORM",
        )
