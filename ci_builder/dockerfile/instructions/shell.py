"""SHELL."""

from __future__ import annotations

from ci_builder.dockerfile.arguments import json_words
from ci_builder.dockerfile.flags import take_flags
from ci_builder.dockerfile.reader import Line
from ci_builder.values import dataclass


@dataclass(frozen=True, slots=True)
class Shell:
    """``SHELL ["program", "argument", …]``: what the shell form of RUN, CMD and ENTRYPOINT runs in."""

    line: Line
    words: tuple[str, ...]

    @staticmethod
    def parse(line: Line) -> Shell:
        """Raises DockerfileError."""
        rest = take_flags(line).rest
        words = json_words(line, rest)
        if not rest or words == ():
            raise line.error("SHELL requires at least one argument")
        if words is None:
            hint = 'write for example SHELL ["/bin/sh", "-c"]'
            raise line.error("SHELL requires the arguments to be in JSON form", hint=hint)
        return Shell(line, words)
