"""ADD."""

from __future__ import annotations

from ci_builder.dockerfile.flags import Known, take_flags
from ci_builder.dockerfile.instructions.sources import Sources
from ci_builder.dockerfile.reader import Line
from ci_builder.values import dataclass

_FLAGS = Known(
    values=frozenset({"chown", "chmod", "checksum"}),
    lists=frozenset({"exclude"}),
    switches=frozenset({"link", "keep-git-dir", "unpack"}),
)


@dataclass(frozen=True, slots=True)
class Add:
    """``ADD [--chown=<user>[:<group>]] [--chmod=<mode>] [--checksum=<digest|commit>] [--link[=<bool>]]
    [--keep-git-dir[=<bool>]] [--unpack[=<bool>]] [--exclude=<pattern>]… <source> … <destination>``.

    A source is a path, a heredoc, an http(s) URL or a git repository; ``checksum`` is for one of the last
    two. ``keep_git`` and ``unpack`` are None when they are not given.
    """

    line: Line
    sources: Sources
    owner: str = ""
    mode: str = ""
    checksum: str = ""
    link: bool = False
    keep_git: bool | None = None
    unpack: bool | None = None
    excludes: tuple[str, ...] = ()

    @staticmethod
    def parse(line: Line) -> Add:
        """Raises DockerfileError."""
        flags = take_flags(line, _FLAGS)
        return Add(
            line,
            Sources.parse(line, flags.rest),
            flags.get("chown"),
            flags.get("chmod"),
            flags.get("checksum"),
            link=flags.is_on("link"),
            keep_git=flags.switches.get("keep-git-dir"),
            unpack=flags.switches.get("unpack"),
            excludes=flags.all("exclude"),
        )
