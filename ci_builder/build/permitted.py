"""What of a Request this version does, and for which platform."""

from __future__ import annotations

import os

from ci_builder.errors import Unsupported
from ci_builder.oci.platform import Platform
from ci_builder.request import Request


def host_platform() -> Platform:
    """The platform of this machine. Raises InvalidValue for one that images have no name for."""
    return Platform.of_machine(os.uname().machine)


def target_platform(request: Request) -> Platform:
    """The platform to build for. Raises InvalidValue."""
    return Platform.parse(request.platform) if request.platform else host_platform()


def refuse_what_is_not_built_yet(request: Request) -> None:
    """Raise Unsupported for what the Request can say and this version does not do."""
    wanted = target_platform(request)
    if not host_platform().runs(wanted):
        raise Unsupported(
            f"--platform {wanted}: this machine is {host_platform()}, and emulation is not supported",
            hint=f"run the job on a machine of {wanted}",
        )
