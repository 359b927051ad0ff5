"""COPY."""

from __future__ import annotations

from ci_builder.dockerfile.flags import Known, take_flags
from ci_builder.dockerfile.instructions.sources import Sources
from ci_builder.dockerfile.reader import Line
from ci_builder.values import dataclass

_FLAGS = Known(
    values=frozenset({"from", "chown", "chmod"}),
    lists=frozenset({"exclude"}),
    switches=frozenset({"link", "parents"}),
)


@dataclass(frozen=True, slots=True)
class Copy:
    """``COPY [--from=<stage|image|context>] [--chown=<user>[:<group>]] [--chmod=<mode>] [--link[=<bool>]]
    [--parents[=<bool>]] [--exclude=<pattern>]… <source> … <destination>``.

    ``origin`` is what --from says, empty for the build context; ``excludes`` the patterns as written.
    """

    line: Line
    sources: Sources
    origin: str = ""
    owner: str = ""
    mode: str = ""
    link: bool = False
    parents: bool = False
    excludes: tuple[str, ...] = ()

    @staticmethod
    def parse(line: Line) -> Copy:
        """Raises DockerfileError."""
        flags = take_flags(line, _FLAGS)
        sources = Sources.parse(line, flags.rest)
        origin = flags.get("from")
        if "from" in flags.values and not origin:
            raise line.error("COPY --from= is empty")
        if "$" in origin:
            raise line.error(
                "variable expansion is not supported for --from",
                hint="define a new stage with FROM using ARG from global scope as a workaround",
            )
        return Copy(
            line,
            sources,
            origin,
            flags.get("chown"),
            flags.get("chmod"),
            link=flags.is_on("link"),
            parents=flags.is_on("parents"),
            excludes=flags.all("exclude"),
        )
