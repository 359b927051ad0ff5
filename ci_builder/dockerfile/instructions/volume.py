"""VOLUME."""

from __future__ import annotations

from ci_builder.dockerfile.arguments import words_or_json
from ci_builder.dockerfile.flags import take_flags
from ci_builder.dockerfile.reader import Line
from ci_builder.values import dataclass


@dataclass(frozen=True, slots=True)
class Volume:
    """``VOLUME <path> …`` or ``VOLUME ["<path>", …]``."""

    line: Line
    paths: tuple[str, ...]

    @staticmethod
    def parse(line: Line) -> Volume:
        """Raises DockerfileError."""
        paths = tuple(word.strip() for word in words_or_json(line, take_flags(line).rest))
        if not paths:
            raise line.error("VOLUME requires at least one argument")
        if not all(paths):
            raise line.error("VOLUME specified can not be an empty string")
        return Volume(line, paths)
