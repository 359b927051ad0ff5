"""USER."""

from __future__ import annotations

from ci_builder.dockerfile.flags import take_flags
from ci_builder.dockerfile.reader import Line
from ci_builder.values import dataclass


@dataclass(frozen=True, slots=True)
class User:
    """``USER <user>``; name or number, with ``:group`` or not."""

    line: Line
    user: str

    @staticmethod
    def parse(line: Line) -> User:
        """Raises DockerfileError."""
        rest = take_flags(line).rest
        if not rest:
            raise line.error("USER requires exactly one argument")
        return User(line, rest)
