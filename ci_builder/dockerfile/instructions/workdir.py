"""WORKDIR."""

from __future__ import annotations

from ci_builder.dockerfile.flags import take_flags
from ci_builder.dockerfile.reader import Line
from ci_builder.values import dataclass


@dataclass(frozen=True, slots=True)
class Workdir:
    """``WORKDIR <path>``; a relative path counts from the one before."""

    line: Line
    path: str

    @staticmethod
    def parse(line: Line) -> Workdir:
        """Raises DockerfileError."""
        rest = take_flags(line).rest
        if not rest:
            raise line.error("WORKDIR requires exactly one argument")
        return Workdir(line, rest)
