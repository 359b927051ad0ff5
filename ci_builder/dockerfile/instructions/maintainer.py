"""MAINTAINER."""

from __future__ import annotations

from ci_builder.dockerfile.flags import take_flags
from ci_builder.dockerfile.reader import Line
from ci_builder.values import dataclass


@dataclass(frozen=True, slots=True)
class Maintainer:
    """``MAINTAINER <author>``; deprecated, and not expanded."""

    line: Line
    author: str

    @staticmethod
    def parse(line: Line) -> Maintainer:
        """Raises DockerfileError."""
        rest = take_flags(line).rest
        if not rest:
            raise line.error("MAINTAINER requires exactly one argument")
        return Maintainer(line, rest)
