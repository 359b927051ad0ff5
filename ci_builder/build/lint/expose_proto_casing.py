"""ExposeProtoCasing: ``80/tcp``, not ``80/TCP``."""

from __future__ import annotations

from collections.abc import Iterator

from ci_builder.build.lint.exposed import exposed
from ci_builder.build.lint.trace import StageTrace
from ci_builder.dockerfile.lint.finding import Finding

NAME = "ExposeProtoCasing"


def expose_proto_casing(trace: StageTrace) -> Iterator[Finding]:
    """The protocol of a port is not in lower case."""
    for port, line in exposed(trace):
        protocol = port.partition("/")[2]
        if protocol != protocol.lower():
            yield Finding(NAME, f"the protocol of EXPOSE {port} is not in lower case", line)
