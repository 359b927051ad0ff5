"""``--progress``: from its name to a renderer."""

from __future__ import annotations

import time
from typing import Protocol, TextIO

from ci_builder.cli.rendering.lines_json import JsonRenderer
from ci_builder.cli.rendering.plain import PlainRenderer
from ci_builder.cli.rendering.terminal import TerminalRenderer
from ci_builder.progress import Event

MODES = ("auto", "tty", "plain", "json", "quiet")


class Renderer(Protocol):
    """A Progress with an end."""

    def __call__(self, event: Event, /) -> None:
        """See Progress; called from one thread at a time."""

    def close(self) -> None:
        """The build is over, whatever came of it."""


class QuietRenderer:
    """Shows nothing."""

    def __call__(self, event: Event, /) -> None:
        """See Progress."""

    def close(self) -> None:
        """Nothing is left to be written."""


def choose_renderer(mode: str, stream: TextIO, *, debug: bool = False) -> Renderer:
    """The renderer called ``mode``, one of MODES; ``auto`` is ``tty`` on a terminal, else ``plain``."""
    if mode == "quiet":
        return QuietRenderer()
    if mode == "json":
        return JsonRenderer(stream, time.monotonic, debug=debug)
    if mode == "tty" or (mode == "auto" and stream.isatty()):
        return TerminalRenderer(stream, time.monotonic, debug=debug)
    return PlainRenderer(stream, time.monotonic, debug=debug)
