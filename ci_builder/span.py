"""Where something stands in a Dockerfile, and how to show it."""

from __future__ import annotations

from ci_builder.values import dataclass

_LONGEST = 300  # characters of a line in an excerpt


@dataclass(frozen=True, slots=True)
class Span:
    """Lines ``first`` to ``last`` (both counted from 1, both included) of the file called ``file``."""

    file: str
    first: int
    last: int

    def __str__(self) -> str:
        return f"{self.file}:{self.first}"


@dataclass(frozen=True, slots=True)
class Source:
    """The text of a Dockerfile with the name that errors call it by."""

    name: str
    text: str

    def excerpt(self, span: Span, around: int = 2) -> str:
        """The lines of ``span`` marked by ``>>>``, with ``around`` lines before and after them."""
        # Not splitlines(): a form feed or U+2028 ends no line of a Dockerfile.
        lines = [line.rstrip("\r") for line in self.text.removesuffix("\n").split("\n")]
        first = max(1, span.first - around)
        last = min(len(lines), span.last + around)
        shown = []
        for number in range(first, last + 1):
            mark = ">>>" if span.first <= number <= span.last else "   "
            line = lines[number - 1]
            cut = line if len(line) <= _LONGEST else line[:_LONGEST] + "…"
            shown.append(f"{number:5d} | {mark} {cut}")
        return "\n".join(shown)
