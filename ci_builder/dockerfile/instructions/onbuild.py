"""ONBUILD."""

from __future__ import annotations

import re

from ci_builder.dockerfile.flags import take_flags
from ci_builder.dockerfile.instructions.names import check_known
from ci_builder.dockerfile.reader import Line
from ci_builder.values import dataclass

_NOT_ALLOWED = frozenset({"FROM", "MAINTAINER"})


@dataclass(frozen=True, slots=True)
class OnBuild:
    """``ONBUILD <instruction>``; ``trigger`` is the instruction as text, with its heredocs."""

    line: Line
    trigger: str

    @staticmethod
    def parse(line: Line) -> OnBuild:
        """Raises DockerfileError."""
        rest = take_flags(line).rest
        if not rest:
            raise line.error("ONBUILD requires at least one argument")
        name = re.split(r"\s+", rest, maxsplit=1)[0].upper()
        if name == "ONBUILD":
            raise line.error("chaining ONBUILD via ONBUILD ONBUILD isn't allowed")
        if name in _NOT_ALLOWED:
            raise line.error(f"{name} isn't allowed as an ONBUILD trigger")
        check_known(line, name)
        return OnBuild(line, re.sub(r"^onbuild\s*", "", line.original, flags=re.IGNORECASE))
