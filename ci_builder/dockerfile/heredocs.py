"""Heredocs: ``RUN <<EOF``, ``COPY <<-"EOF" /file`` (Dockerfile reference, "Here-Documents").

A name in quotes switches expansion off, ``<<-`` strips leading tabs, a number in front is a file
descriptor. Only RUN, COPY and ADD (and ONBUILD of them), not in their JSON form, have heredocs.
"""

from __future__ import annotations

import re

from ci_builder.dockerfile.words import Rules, expand
from ci_builder.errors import InvalidValue
from ci_builder.patterns import pattern
from ci_builder.values import dataclass, replace

_MARK = pattern(r"(\d*)<<(-?)(\s*)([^<]*)")
_LEADING_TABS = pattern(r"^\t+", re.MULTILINE)
_LINE = Rules(keep_quotes=True, keep_escapes=True, keep_unset=True, heredocs=True)
_QUOTED_NAME = Rules(keep_quotes=True, keep_unset=True)
_NAME = Rules(keep_unset=True)


@dataclass(frozen=True, slots=True)
class Heredoc:
    """``content`` is the body as written, with its line ends; ``expand`` whether variables in it are
    expanded, ``strip_tabs`` whether leading tabs go.

    ``doubtful``: it may be the shell's arithmetic (``$((1 << n))``), so it is a heredoc only when a line
    ends it. BuildKit takes it for one in any case, and so refuses the arithmetic.
    """

    name: str
    expand: bool = True
    strip_tabs: bool = False
    descriptor: int = 0
    content: str = ""
    doubtful: bool = False

    @property
    def body(self) -> str:
        """The content, without leading tabs where ``<<-`` says so."""
        return _LEADING_TABS.sub("", self.content) if self.strip_tabs else self.content

    def with_content(self, content: str) -> Heredoc:
        """The same with a body."""
        return replace(self, content=content)


def parse_mark(word: str) -> Heredoc | None:
    """What ``word`` announces, None when it is no heredoc. Raises InvalidValue for broken quotes."""
    match = _MARK.fullmatch(word)
    if not match or not match[4]:
        return None
    names = expand(match[4], {}, _NAME).words
    if len(names) != 1:
        return None
    quoted = expand(match[4], {}, _QUOTED_NAME).words[0]
    unquoted = sum(names[0].count(mark) for mark in "'\"") == sum(quoted.count(mark) for mark in "'\"")
    descriptor = int(match[1][:9]) if match[1] else 0
    doubtful = bool(match[3]) or ")" in names[0]
    return Heredoc(names[0], unquoted, match[2] == "-", descriptor, doubtful=doubtful)


def find_marks(line: str) -> tuple[Heredoc, ...]:
    """The heredocs that a joined line announces, in their order. Raises InvalidValue.

    A line that does not lex as words (an odd quote in shell code) announces none.
    """
    try:
        words = expand(line, {}, _LINE).words
    except InvalidValue:
        return ()
    marks = [parse_mark(word) for word in words]
    return tuple(mark for mark in marks if mark)
