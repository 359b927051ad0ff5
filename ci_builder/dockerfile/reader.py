"""From the text of a Dockerfile to its instructions, still as text: one Line each, with its heredocs.

Source: Dockerfile reference, "Format", "Parser directives", "Here-Documents"; BuildKit where it says
nothing. Leading white space, comments and blank lines do not count, not even between the lines of a
continued instruction. Lines end in LF or CRLF.

dockerfile-parse joins continued lines and does nothing more. It would err on: heredocs (it takes
bodies for instructions), an escape directive behind another directive than ``syntax``, a blank line in
a continuation (it ends the instruction there), a last line that ends in the escape character (it
drops the instruction), a doubled escape character at the end of a line (it goes on, BuildKit does
not), an instruction name that is itself continued, a byte order mark and a shebang. So each
instruction is found here and reaches the package as a block without these.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence

from dockerfile_parse import DockerfileParser

from ci_builder.dockerfile.directives import Directives, read_directives
from ci_builder.dockerfile.heredocs import Heredoc, find_marks
from ci_builder.errors import DockerfileError, InvalidValue
from ci_builder.patterns import pattern
from ci_builder.span import Source, Span
from ci_builder.untrusted import from_json
from ci_builder.values import dataclass, replace

_WITH_HEREDOCS = frozenset({"run", "copy", "add"})
_BLANK = pattern(r"[\t\v\f\r ]+")


@dataclass(frozen=True, slots=True)
class Line:
    """One instruction as text.

    text      joined and trimmed, without heredoc bodies
    keyword   its first word in lower case
    rest      what follows it
    heredocs  those that it announces, with their bodies
    comments  the comment lines right above it, without ``#``; a blank line or an empty comment ends them
    escape    the escape character that holds in this file
    blank     the number of the last blank line within it, 0 when there is none
    """

    source: Source
    span: Span
    text: str
    keyword: str
    rest: str
    heredocs: tuple[Heredoc, ...] = ()
    comments: tuple[str, ...] = ()
    escape: str = "\\"
    blank: int = 0

    def error(self, message: str, *, hint: str = "") -> DockerfileError:
        """A DockerfileError that points here."""
        return DockerfileError(message, source=self.source, span=self.span, hint=hint)

    @property
    def original(self) -> str:
        """The instruction with its heredoc bodies, as an ONBUILD trigger keeps it."""
        return self.text + "".join(f"\n{item.content}{item.name}" for item in self.heredocs)


@dataclass(frozen=True, slots=True)
class Reading:
    """The directives at the top, and the instructions in their order (at least one)."""

    directives: Directives
    lines: tuple[Line, ...]


def read(source: Source) -> Reading:
    """Read a Dockerfile. Raises DockerfileError."""
    physical = _physical_lines(source)
    directives = read_directives(source, physical)
    lines = _Reader(source, physical, directives.escape).all(directives.lines)
    if not lines:
        raise DockerfileError(
            "there is no instruction in this file", source=source, span=Span(source.name, 1, 1)
        )
    return Reading(directives, lines)


def read_trigger(text: str, line: Line) -> Line:
    """Read the instruction of an ONBUILD ``text``; errors point at ``line``, the FROM that it belongs
    to, and the trigger is read without directives, so with the usual escape character.
    Raises DockerfileError."""
    source = Source(line.source.name, text)
    try:
        lines = _Reader(source, _physical_lines(source), "\\").all(0)
    except DockerfileError as error:
        raise line.error(f"in the ONBUILD trigger {text!r} of the base image: {error.message}") from error
    if len(lines) != 1:
        raise line.error(f"the ONBUILD trigger {text!r} of the base image is not one instruction")
    found = lines[0]
    return Line(line.source, line.span, found.text, found.keyword, found.rest, found.heredocs)


def _physical_lines(source: Source) -> list[str]:
    """The lines with their ends. Raises DockerfileError for text that is not Unicode."""
    text = source.text.removeprefix("\ufeff")
    lines = [line + "\n" for line in text.split("\n")]
    lines[-1] = lines[-1][:-1]
    for number, line in enumerate(lines, 1):
        if not line.isascii() and any("\ud800" <= character <= "\udfff" for character in line):
            span = Span(source.name, number, number)
            raise DockerfileError("this line is not UTF-8", source=source, span=span)
    return lines if lines[-1] else lines[:-1]


class _Reader:
    """Walks over the physical lines."""

    def __init__(self, source: Source, physical: Sequence[str], escape: str) -> None:
        self.source = source
        self.physical = physical
        self.escape = escape
        mark = re.escape(escape)
        self.continued = re.compile(rf"(?:^|[^{mark}]){mark}[ \t]*$")
        self.at = 0
        self.blank = 0

    def all(self, skip: int) -> tuple[Line, ...]:
        """Every instruction behind the first ``skip`` lines."""
        self.at = skip
        found: list[Line] = []
        comments: list[str] = []
        while self.at < len(self.physical):
            stripped = self.physical[self.at].strip()
            if stripped.startswith("#"):
                comment = stripped[1:].strip()
                comments = [*comments, comment] if comment else []
                self.at += 1
            elif not stripped:
                comments = []
                self.at += 1
            else:
                found.append(self._instruction(tuple(comments)))
                comments = []
        return tuple(found)

    def _instruction(self, comments: tuple[str, ...]) -> Line:
        first = self.at + 1
        self.blank = 0
        text = self._join(self._block()).strip()
        keyword, *rest = _BLANK.split(text, maxsplit=1)
        line = Line(
            source=self.source,
            span=Span(self.source.name, first, self.at),
            text=text,
            keyword=keyword.lower(),
            rest=rest[0].strip() if rest else "",
            comments=comments,
            escape=self.escape,
            blank=self.blank,
        )
        if "\0" in text:
            # No path, argument or variable can have one; what a heredoc puts into a file can.
            raise line.error("there is a zero byte in this instruction")
        return self._with_heredocs(line)

    def _block(self) -> list[str]:
        """The physical lines of one instruction, without comments, blank lines and line ends."""
        block: list[str] = []
        while self.at < len(self.physical):
            line = self.physical[self.at].rstrip("\r\n")
            line = line if block else line.lstrip()
            self.at += 1
            if block and (not line.strip() or line.lstrip().startswith("#")):
                self.blank = self.blank if line.strip() else self.at
                continue
            block.append(line)
            if not self.continued.search(line):
                break
        return block

    def _join(self, block: list[str]) -> str:
        """The block as one line: dockerfile-parse joins all lines but the last, which it might take
        for a continued one, behind a keyword of ours, so that no word of the block is one to it."""
        if not self.continued.search(block[0]):
            return block[0]
        last = "" if self.continued.search(block[-1]) else block.pop()
        lines = [f"#escape={self.escape}", *("JOIN " + line for line in block[:1]), *block[1:], ""]
        text = "\n".join(lines) + "\n"
        parser = DockerfileParser(fileobj=io.BytesIO(text.encode()), env_replace=False)
        joined = [item["value"] for item in parser.structure if item["instruction"] == "JOIN"]
        return str(joined[0]) + last

    def _with_heredocs(self, line: Line) -> Line:
        if "<<" not in line.text or not _may_have_heredocs(line):
            return line
        try:
            marks = find_marks(line.text)
        except InvalidValue as error:
            raise line.error(f"a heredoc that cannot be read: {error.reason}") from error
        heredocs = tuple(mark.with_content(self._body(mark, line)) for mark in marks if self._is_meant(mark))
        span = Span(line.span.file, line.span.first, self.at)
        return replace(line, span=span, heredocs=heredocs)

    def _is_meant(self, mark: Heredoc) -> bool:
        rest = self.physical[self.at :] if mark.doubtful else ()
        return not mark.doubtful or any(_ends(mark, physical) for physical in rest)

    def _body(self, mark: Heredoc, line: Line) -> str:
        body: list[str] = []
        while self.at < len(self.physical):
            physical = self.physical[self.at]
            self.at += 1
            if _ends(mark, physical):
                return "".join(body)
            body.append(physical)
        raise line.error(
            f"the heredoc {mark.name} does not end",
            hint=f"a line with {mark.name} alone ends it; white space around it counts",
        )


def _ends(mark: Heredoc, physical: str) -> bool:
    line = physical.rstrip("\r\n")
    return (line.lstrip("\t") if mark.strip_tabs else line) == mark.name


def _may_have_heredocs(line: Line) -> bool:
    keyword, rest = line.keyword, line.rest
    if keyword == "onbuild":
        keyword, *tail = _BLANK.split(rest, maxsplit=1)
        keyword, rest = keyword.lower(), tail[0] if tail else ""
    return keyword in _WITH_HEREDOCS and not _is_json(_without_flags(rest))


def _without_flags(rest: str) -> str:
    return re.sub(r"^(?:--\S*\s+)+", "", rest)


def _is_json(text: str) -> bool:
    if not text.startswith("["):
        return False
    try:
        return isinstance(from_json(text), list)
    except ValueError:
        return False
