"""FROM."""

from __future__ import annotations

from ci_builder.dockerfile.arguments import split_blank
from ci_builder.dockerfile.flags import take_flags
from ci_builder.dockerfile.reader import Line
from ci_builder.patterns import pattern
from ci_builder.values import dataclass

_STAGE_NAME = pattern(r"[a-z][a-z0-9_.-]*")


@dataclass(frozen=True, slots=True)
class From:
    """``FROM [--platform=<platform>] <image or stage> [AS <name>]``.

    ``base`` and ``platform`` are as written; ``name`` is in lower case, empty when there is none.
    """

    line: Line
    base: str
    name: str = ""
    platform: str = ""

    @staticmethod
    def parse(line: Line) -> From:
        """Raises DockerfileError."""
        flags = take_flags(line, frozenset({"platform"}))
        words = split_blank(flags.rest)
        if len(words) == 1:
            return From(line, words[0], "", flags.get("platform"))
        if len(words) != 3 or words[1].lower() != "as":
            raise line.error("FROM requires either one or three arguments", hint="write FROM image AS name")
        name = words[2].lower()
        if not _STAGE_NAME.fullmatch(name):
            raise line.error(
                f"invalid name for build stage: {words[2]!r}",
                hint="it begins with a letter, then letters, digits, - _ and . may follow",
            )
        return From(line, words[0], name, flags.get("platform"))
