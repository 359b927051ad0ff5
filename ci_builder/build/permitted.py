"""What of a build this machine can run."""

from __future__ import annotations

from collections.abc import Callable

from ci_builder.build.ahead import Ahead
from ci_builder.build.emulation import need_this_machine
from ci_builder.build.plan import Plan, PlannedStage
from ci_builder.dockerfile.dockerfile import Dockerfile
from ci_builder.oci.image import Image


def need_no_emulation(
    planned: Plan, ahead: Ahead, base: Callable[[PlannedStage], Image], dockerfile: Dockerfile, *, sure: bool
) -> None:
    """Raises DockerfileError for a command that has to be run, of a stage for another kind of machine, as far
    as that is known before anything is built. ``sure``: nothing can be found in a cache. What only
    copies is built for every platform, and so is what a stage of this machine's platform compiles."""
    for index, steps in ahead.missing.items():
        line = planned.line(index)
        opened = any(ahead.missing.get(below.index) for below in line[1:])
        # What comes after a step that is open may be found yet.
        known = steps if sure else steps[: 0 if opened else 1]
        for step in known:
            if step.runs:
                need_this_machine(step, base(line[-1]).config.platform, dockerfile.source)
