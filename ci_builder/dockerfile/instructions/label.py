"""LABEL."""

from __future__ import annotations

from ci_builder.dockerfile.arguments import key_values
from ci_builder.dockerfile.flags import take_flags
from ci_builder.dockerfile.reader import Line
from ci_builder.values import dataclass


@dataclass(frozen=True, slots=True)
class Label:
    """``LABEL <name>=<value> …``, or in the old form ``LABEL <name> <value to the end of the line>``."""

    line: Line
    pairs: tuple[tuple[str, str], ...]

    @staticmethod
    def parse(line: Line) -> Label:
        """Raises DockerfileError."""
        return Label(line, key_values(line, take_flags(line).rest))
