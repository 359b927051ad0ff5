"""ExposeInvalidFormat: EXPOSE names ports of the container, no addresses or ports of the host."""

from __future__ import annotations

from collections.abc import Iterator

from ci_builder.build.lint.exposed import exposed
from ci_builder.build.lint.trace import StageTrace
from ci_builder.dockerfile.lint.finding import Finding

NAME = "ExposeInvalidFormat"


def expose_invalid_format(trace: StageTrace) -> Iterator[Finding]:
    """A port has an address or a port of the host in front."""
    for port, line in exposed(trace):
        if port.rpartition(":")[0].strip(":"):
            message = f"EXPOSE {port}: what is in front of the last colon means nothing in an image"
            yield Finding(NAME, message, line)
