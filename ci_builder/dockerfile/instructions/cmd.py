"""CMD."""

from __future__ import annotations

from ci_builder.dockerfile.flags import take_flags
from ci_builder.dockerfile.instructions.shell_form import Command
from ci_builder.dockerfile.reader import Line
from ci_builder.values import dataclass


@dataclass(frozen=True, slots=True)
class Cmd:
    """``CMD ["program", "argument"]`` (exec form), or ``CMD command`` (shell form)."""

    line: Line
    command: Command

    @staticmethod
    def parse(line: Line) -> Cmd:
        """Raises DockerfileError."""
        rest = take_flags(line).rest
        if not rest:
            raise line.error("CMD requires at least one argument", hint="[] stands for none")
        return Cmd(line, Command.parse(line, rest))
