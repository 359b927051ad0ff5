"""ADD."""

from __future__ import annotations

from dataclasses import dataclass

from ci_builder.dockerfile.flags import take_flags
from ci_builder.dockerfile.instructions.sources import Sources
from ci_builder.dockerfile.reader import Line


@dataclass(frozen=True, slots=True)
class Add:
    """``ADD [--chown=<user>[:<group>]] [--chmod=<mode>] [--checksum=<digest>] <source> … <destination>``.

    A source is a path, a heredoc or an http(s) URL; ``checksum`` is for one URL.
    """

    line: Line
    sources: Sources
    owner: str = ""
    mode: str = ""
    checksum: str = ""

    @staticmethod
    def parse(line: Line) -> Add:
        """Raises DockerfileError, UnsupportedSyntax."""
        known = frozenset({"chown", "chmod", "checksum"})
        flags = take_flags(line, known, frozenset({"link", "keep-git-dir", "unpack", "exclude"}))
        sources = Sources.parse(line, flags.rest)
        return Add(line, sources, flags.get("chown"), flags.get("chmod"), flags.get("checksum"))
