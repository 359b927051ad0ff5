"""EXPOSE."""

from __future__ import annotations

from ci_builder.dockerfile.arguments import split_blank
from ci_builder.dockerfile.flags import take_flags
from ci_builder.dockerfile.reader import Line
from ci_builder.values import dataclass


@dataclass(frozen=True, slots=True)
class Expose:
    """``EXPOSE <port>[-<last port>][/<protocol>] …``; ``ports`` are as written, sorted."""

    line: Line
    ports: tuple[str, ...]

    @staticmethod
    def parse(line: Line) -> Expose:
        """Raises DockerfileError."""
        ports = split_blank(take_flags(line).rest)
        if not ports:
            raise line.error("EXPOSE requires at least one argument")
        return Expose(line, tuple(sorted(ports)))
