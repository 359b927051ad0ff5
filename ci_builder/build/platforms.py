"""For which platform a build is, and on which one it is done."""

from __future__ import annotations

import os

from ci_builder.oci.platform import Platform
from ci_builder.request import Request


def host_platform() -> Platform:
    """The platform of this machine. Raises InvalidValue for one that images have no name for."""
    return Platform.of_machine(os.uname().machine)


def target_platform(request: Request) -> Platform:
    """The platform to build for. Raises InvalidValue."""
    return Platform.parse(request.platform) if request.platform else host_platform()
