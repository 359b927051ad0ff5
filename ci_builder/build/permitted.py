"""For which platform a build is, and what of it this machine can run."""

from __future__ import annotations

import os
from collections.abc import Callable

from ci_builder.build.ahead import Ahead
from ci_builder.build.plan import Plan, PlannedStage
from ci_builder.dockerfile.dockerfile import Dockerfile
from ci_builder.errors import DockerfileError
from ci_builder.oci.image import Image
from ci_builder.oci.platform import Platform
from ci_builder.request import Request


def host_platform() -> Platform:
    """The platform of this machine. Raises InvalidValue for one that images have no name for."""
    return Platform.of_machine(os.uname().machine)


def target_platform(request: Request) -> Platform:
    """The platform to build for. Raises InvalidValue."""
    return Platform.parse(request.platform) if request.platform else host_platform()


def need_no_emulation(
    planned: Plan, ahead: Ahead, base: Callable[[PlannedStage], Image], dockerfile: Dockerfile
) -> None:
    """Raises DockerfileError for a command of a stage that is for another kind of machine. What only copies
    is built for every platform, and so is what a stage of this machine's platform compiles."""
    host = host_platform()
    for index, steps in ahead.missing.items():
        run = next((step for step in steps if step.runs), None)
        if run is None:
            continue
        platform = base(planned.line(index)[-1]).config.platform
        if platform.architecture and not host.runs(platform):
            raise DockerfileError(
                f"this RUN is for {platform}, the machine is {host}, and emulation is not supported",
                source=dockerfile.source,
                span=run.span,
                hint=f"run the job on a machine of {platform}; a stage that compiles for it may be FROM "
                "--platform=$BUILDPLATFORM",
            )
