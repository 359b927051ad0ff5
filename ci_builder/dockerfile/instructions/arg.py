"""ARG."""

from __future__ import annotations

from ci_builder.dockerfile.arguments import split_quoted
from ci_builder.dockerfile.flags import take_flags
from ci_builder.dockerfile.reader import Line
from ci_builder.values import dataclass


@dataclass(frozen=True, slots=True)
class Arg:
    """``ARG <name>[=<default>] …``; ``args`` are (name, default or None) pairs, not expanded."""

    line: Line
    args: tuple[tuple[str, str | None], ...]

    @staticmethod
    def parse(line: Line) -> Arg:
        """Raises DockerfileError."""
        words = split_quoted(take_flags(line).rest, line.escape)
        if not words:
            raise line.error("ARG requires at least one argument")
        args: list[tuple[str, str | None]] = []
        for word in words:
            name, equals, default = word.partition("=")
            if not name:
                raise line.error("ARG names can not be blank")
            args.append((name, default if equals else None))
        return Arg(line, tuple(args))
