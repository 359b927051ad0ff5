"""ENTRYPOINT."""

from __future__ import annotations

from ci_builder.dockerfile.flags import take_flags
from ci_builder.dockerfile.instructions.shell_form import Command
from ci_builder.dockerfile.reader import Line
from ci_builder.values import dataclass


@dataclass(frozen=True, slots=True)
class Entrypoint:
    """``ENTRYPOINT ["program", "argument"]`` (exec form), or ``ENTRYPOINT command`` (shell form)."""

    line: Line
    command: Command

    @staticmethod
    def parse(line: Line) -> Entrypoint:
        """Raises DockerfileError."""
        rest = take_flags(line).rest
        if not rest:
            raise line.error("ENTRYPOINT requires at least one argument", hint="[] stands for none")
        return Entrypoint(line, Command.parse(line, rest))
