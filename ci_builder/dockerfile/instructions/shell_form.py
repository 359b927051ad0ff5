"""Commands of RUN, CMD, ENTRYPOINT and HEALTHCHECK: the exec form is a JSON array, the shell form is text."""

from __future__ import annotations

from ci_builder.dockerfile.arguments import json_words
from ci_builder.dockerfile.reader import Line
from ci_builder.values import dataclass


@dataclass(frozen=True, slots=True)
class Command:
    """``words``: of the exec form; of the shell form the one text that the shell is given."""

    words: tuple[str, ...]
    shell: bool

    @staticmethod
    def parse(line: Line, text: str) -> Command:
        """Raises DockerfileError."""
        found = json_words(line, text)
        if found is None:
            return Command((text,), True)
        return Command(found, False)
