"""The results as bars in an SVG that is readable on light and dark pages."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from pathlib import Path

from benchmarks.builds.cases import Case
from benchmarks.builds.report import Report

SVG = Path(__file__).parents[1] / "builds.svg"
# Told apart by people who see no red or no green, too (the palette of Okabe and Ito).
_COLOURS = ("#999999", "#0072b2", "#56b4e9", "#009e73", "#d55e00", "#e69f00", "#cc79a7", "#f0e442")
_LEFT, _WIDTH, _RIGHT = 340, 540, 80
_BAR, _GAP, _BETWEEN, _TOP = 12, 2, 14, 60
_STYLE = """
text { font: 12px system-ui, sans-serif; fill: #1f2328; }
.small { font-size: 10px; fill: #59636e; }
.axis { stroke: #8c959f; stroke-width: 1; }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3; }
  .small { fill: #9198a1; }
}
"""


def draw(report: Report) -> str:
    """A group of bars for each case, seconds to the right."""
    seconds = [
        found
        for case in report.cases
        for builder in report.builders
        if (found := report.results.least(case.name, builder.name)) is not None
    ]
    scale = _WIDTH / max(seconds, default=1.0)
    body, height = [], _TOP
    for case in report.cases:
        begin = height
        for colour, builder in zip(_COLOURS, report.builders, strict=False):
            took = report.results.least(case.name, builder.name)
            if took is not None:
                body.append(_bar(height, took, scale, colour, builder.title))
                height += _BAR + _GAP
        if height > begin:
            middle = (begin + height) / 2 + 3
            body.append(
                f'<text x="{_LEFT - 8}" y="{middle:.0f}" text-anchor="end">{escape(_named(case))}</text>'
            )
            height += _BETWEEN
    axis = f'<line class="axis" x1="{_LEFT}" y1="{_TOP - 6}" x2="{_LEFT}" y2="{height - _BETWEEN + 4}"/>'
    total = _LEFT + _WIDTH + _RIGHT
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {total} {height}" width="{total}">'
    title = "<title>Seconds from nothing to the pushed image, less is better</title>"
    return "\n".join([head, title, f"<style>{_STYLE}</style>", *_legend(report), axis, *body, "</svg>", ""])


def _named(case: Case) -> str:
    name, title = case.name, case.title
    return f"{name} {title}" if len(title) < 45 else f"{name} {title[:43]}…"


def _bar(top: int, took: float, scale: float, colour: str, title: str) -> str:
    width = max(1.0, took * scale)
    shown = f"{title}: {took:.2f} s"
    return (
        f'<rect x="{_LEFT}" y="{top}" width="{width:.1f}" height="{_BAR}" fill="{colour}" rx="1">'
        f"<title>{escape(shown)}</title></rect>"
        f'<text class="small" x="{_LEFT + width + 5:.1f}" y="{top + _BAR - 3}">{took:.2f} s</text>'
    )


def _legend(report: Report) -> Iterator[str]:
    yield '<text x="8" y="18">Seconds from nothing to the pushed image (less is better)</text>'
    left = 8
    for colour, builder in zip(_COLOURS, report.builders, strict=False):
        yield f'<rect x="{left}" y="30" width="10" height="10" fill="{colour}" rx="1"/>'
        yield f'<text class="small" x="{left + 14}" y="39">{escape(builder.title)}</text>'
        left += 32 + 6 * len(builder.title)
