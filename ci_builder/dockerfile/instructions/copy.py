"""COPY."""

from __future__ import annotations

from dataclasses import dataclass

from ci_builder.dockerfile.flags import take_flags
from ci_builder.dockerfile.instructions.sources import Sources
from ci_builder.dockerfile.reader import Line


@dataclass(frozen=True, slots=True)
class Copy:
    """``COPY [--from=<stage|image|context>] [--chown=<user>[:<group>]] [--chmod=<mode>]
    <source> … <destination>``.

    ``origin`` is what --from says, empty for the build context.
    """

    line: Line
    sources: Sources
    origin: str = ""
    owner: str = ""
    mode: str = ""

    @staticmethod
    def parse(line: Line) -> Copy:
        """Raises DockerfileError, UnsupportedSyntax."""
        known = frozenset({"from", "chown", "chmod"})
        flags = take_flags(line, known, frozenset({"link", "parents", "exclude"}))
        sources = Sources.parse(line, flags.rest)
        origin = flags.get("from")
        if "from" in flags.values and not origin:
            raise line.error("COPY --from= is empty")
        if "$" in origin:
            raise line.error(
                "variable expansion is not supported for --from",
                hint="define a new stage with FROM using ARG from global scope as a workaround",
            )
        return Copy(line, sources, origin, flags.get("chown"), flags.get("chmod"))
