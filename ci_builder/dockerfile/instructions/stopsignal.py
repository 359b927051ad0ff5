"""STOPSIGNAL."""

from __future__ import annotations

from ci_builder.dockerfile.flags import take_flags
from ci_builder.dockerfile.reader import Line
from ci_builder.values import dataclass


@dataclass(frozen=True, slots=True)
class StopSignal:
    """``STOPSIGNAL <signal>``; a name with or without SIG, or a number."""

    line: Line
    signal: str

    @staticmethod
    def parse(line: Line) -> StopSignal:
        """Raises DockerfileError."""
        rest = take_flags(line).rest
        if not rest:
            raise line.error("STOPSIGNAL requires exactly one argument")
        return StopSignal(line, rest)
