"""Sources and destination of COPY and ADD."""

from __future__ import annotations

from ci_builder.dockerfile.arguments import json_words, split_blank
from ci_builder.dockerfile.heredocs import Heredoc, parse_mark
from ci_builder.dockerfile.reader import Line
from ci_builder.errors import InvalidValue
from ci_builder.values import dataclass


@dataclass(frozen=True, slots=True)
class Sources:
    """``paths`` and ``destination`` as written (not expanded), ``heredocs`` in the order of the line."""

    paths: tuple[str, ...]
    heredocs: tuple[Heredoc, ...]
    destination: str

    @staticmethod
    def parse(line: Line, text: str) -> Sources:
        """``<source> … <destination>``, or the same as a JSON array. Raises DockerfileError."""
        words = json_words(line, text)
        is_json = words is not None
        words = split_blank(text) if words is None else words
        name = line.keyword.upper()
        if len(words) < 2:
            raise line.error(
                f"{name} requires at least two arguments, but only one was provided. "
                "Destination could not be determined"
                if words
                else f"{name} requires at least two arguments"
            )
        if is_json:
            return Sources(words[:-1], (), words[-1])
        if _mark(line, words[-1]):
            raise line.error(f"{name} cannot accept a heredoc as a destination")
        bodies = {item.name: item for item in line.heredocs}
        paths: list[str] = []
        heredocs: list[Heredoc] = []
        for word in words[:-1]:
            mark = _mark(line, word)
            if mark is None:
                paths.append(word)
            elif mark.name in bodies:
                heredocs.append(_named(line, bodies[mark.name]))
        if len(heredocs) != len(line.heredocs):
            hint = "write it as one word: <<NAME"
            raise line.error("a heredoc of this line is not one of its sources", hint=hint)
        return Sources(tuple(paths), tuple(heredocs), words[-1])


def _mark(line: Line, word: str) -> Heredoc | None:
    try:
        return parse_mark(word)
    except InvalidValue as error:
        raise line.error(f"a heredoc that cannot be read: {error.reason}") from error


def _named(line: Line, heredoc: Heredoc) -> Heredoc:
    if "/" in heredoc.name or heredoc.name in (".", "..") or "\0" in heredoc.name:
        raise line.error(
            f"{heredoc.name!r} cannot be the name of a file", hint="the name of the heredoc names the file"
        )
    return heredoc
