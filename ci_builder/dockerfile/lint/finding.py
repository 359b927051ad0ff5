"""What a lint rule found, and what of it may be told."""

from __future__ import annotations

from collections.abc import Iterable

from ci_builder.dockerfile.check import CheckOptions, check_of_comments
from ci_builder.dockerfile.reader import Line
from ci_builder.patterns import pattern
from ci_builder.span import Source, Span
from ci_builder.values import dataclass

_WORD_STARTS = pattern(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_PAGES = "https://docs.docker.com/reference/build-checks/"


@dataclass(frozen=True, slots=True)
class Finding:
    """``rule`` broken by the instruction in ``line``. ``at`` is the physical line that is meant where that
    is not the whole instruction (0: it is). ``experimental`` rules speak only when they are asked to."""

    rule: str
    message: str
    line: Line
    at: int = 0
    experimental: bool = False

    @property
    def source(self) -> Source:
        """The Dockerfile."""
        return self.line.source

    @property
    def span(self) -> Span:
        """Its lines."""
        return Span(self.line.span.file, self.at, self.at) if self.at else self.line.span

    @property
    def url(self) -> str:
        """docker's page about the rule."""
        return f"{_PAGES}{_WORD_STARTS.sub('-', self.rule).lower()}/"

    def __str__(self) -> str:
        return f"{self.rule}: {self.message}"


def permitted(findings: Iterable[Finding], options: CheckOptions) -> tuple[Finding, ...]:
    """Those that ``options`` and the comments above their instructions let through, each once, in the
    order of the file."""
    kept = {
        finding: None
        for finding in findings
        if options.merged(check_of_comments(finding.line.comments)).allows(
            finding.rule, experimental=finding.experimental
        )
    }
    return tuple(sorted(kept, key=lambda finding: (finding.span.first, finding.span.last)))
