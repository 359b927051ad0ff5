"""The names of all instructions."""

from __future__ import annotations

from ci_builder.dockerfile.reader import Line
from ci_builder.errors import did_you_mean

NAMES = frozenset(
    "ADD ARG CMD COPY ENTRYPOINT ENV EXPOSE FROM HEALTHCHECK LABEL MAINTAINER ONBUILD RUN SHELL "
    "STOPSIGNAL USER VOLUME WORKDIR".split()
)


def check_known(line: Line, name: str) -> None:
    """Raises DockerfileError when ``name`` is no instruction, with the closest one as a hint."""
    if name not in NAMES:
        hint = did_you_mean(name, NAMES)
        if not hint:
            hint = "a line that goes on needs the escape character at the end of the line before it"
        raise line.error(f"unknown instruction: {name}", hint=hint)
