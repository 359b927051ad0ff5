"""The command line in containers whose images know nothing of it: all that it needs is bound in."""

from __future__ import annotations

import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path

from tests.servers.compiled import compiled_source

PROGRAM = (f"/opt/python/bin/{Path(sys.executable).resolve().name}", "-m", "ci_builder.cli")


def bound_in(variables: Mapping[str, str] | None = None) -> list[str]:
    """The flags of ``docker run`` with which PROGRAM starts there, with environment ``variables``."""
    places = (
        (sys.base_prefix, "python"),
        (sysconfig.get_paths()["purelib"], "site"),
        (str(compiled_source()), "src"),
    )
    environment = {
        "PYTHONPATH": "/opt/src:/opt/site",
        "PYTHONDONTWRITEBYTECODE": "1",
        "LD_LIBRARY_PATH": "/opt/python/lib",
        **(variables or {}),
    }
    binds = [f"--volume={source}:/opt/{target}:ro" for source, target in places]
    return [*binds, *(f"--env={name}={value}" for name, value in environment.items())]
