"""``--progress tty``: what runs is shown in place, what is done stays above it."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from typing import TextIO

from ci_builder.cli.rendering.text import Lines, one_line, plain, size
from ci_builder.progress import Event, Notice, StepFinished, StepOutput, StepStarted, Transferred
from ci_builder.values import dataclass, field

_TAIL = 6
_BETWEEN_FRAMES = 0.1
_COLOURS = {"done": "\x1b[34m", "cached": "\x1b[34m", "failed": "\x1b[31m"}
_DIM, _RESET = "\x1b[2m", "\x1b[0m"


@dataclass(slots=True)
class _Step:
    title: str
    began: float
    lines: Lines = field(default_factory=Lines)
    tail: deque[str] = field(default_factory=lambda: deque(maxlen=_TAIL))


class TerminalRenderer:
    """Draws on ``stream``, a terminal. It draws when events arrive and has no thread of its own: executors
    enter namespaces, which a process with threads may not."""

    def __init__(self, stream: TextIO, clock: Callable[[], float], *, debug: bool = False) -> None:
        self._stream = stream
        self._clock = clock
        self._debug = debug
        self._steps: dict[str, _Step] = {}
        self._drawn = 0
        self._next_frame = 0.0
        self._moved: dict[str, tuple[int, int]] = {}

    def __call__(self, event: Event, /) -> None:
        """See Progress."""
        if isinstance(event, StepStarted):
            self._steps[event.step] = _Step(f"[{event.step}] {one_line(event.title)}", self._clock())
            self._draw([])
        elif isinstance(event, StepOutput):
            self._output(event)
        elif isinstance(event, StepFinished):
            self._finish(event)
        elif isinstance(event, Transferred):
            count, total = self._moved.get(event.how, (0, 0))
            self._moved[event.how] = (count + 1, total + event.size)
            self._draw_sometimes()
        elif isinstance(event, Notice) and (event.level != "debug" or self._debug):
            where = f"{event.file}:{event.line}: " if event.file else ""
            self._draw([f"{event.level}: {where}{event.text}" if event.level != "info" else event.text])

    def close(self) -> None:
        """Remove what was shown in place and say once what was moved."""
        self._steps.clear()
        totals = [f"{how} {count} blobs, {size(total)}" for how, (count, total) in self._moved.items()]
        self._moved.clear()
        self._draw([" => " + text for text in totals])

    def _output(self, event: StepOutput) -> None:
        step = self._steps.get(event.step)
        if step is not None:
            step.tail.extend(plain(line) for line in step.lines.feed(event.data))
            self._draw_sometimes()

    def _finish(self, event: StepFinished) -> None:
        step = self._steps.pop(event.step, None)
        if step is None:
            return
        right = {"done": f"{event.seconds:.1f}s", "cached": "CACHED", "failed": "ERROR"}[event.outcome]
        detail = f"  {one_line(event.detail)}" if event.detail else ""
        width = self._width() - len(right) - 6
        text = one_line(step.title, max(20, width - len(detail))) + detail
        self._draw([f"{_COLOURS[event.outcome]} => {text:<{max(0, width)}}  {right}{_RESET}"])

    def _draw_sometimes(self) -> None:
        now = self._clock()
        if now >= self._next_frame:
            self._draw([])

    def _draw(self, above: list[str]) -> None:
        """Replace what was drawn by ``above``, which stays, and the steps that run."""
        self._next_frame = self._clock() + _BETWEEN_FRAMES
        live = self._live()
        back = f"\x1b[{self._drawn}A\r\x1b[J" if self._drawn else "\r\x1b[J"
        self._stream.write(back + "".join(line + "\n" for line in (*above, *live)))
        self._stream.flush()
        self._drawn = len(live)

    def _live(self) -> list[str]:
        width, height = self._width(), self._height()
        lines = []
        for step in self._steps.values():
            passed = f"{self._clock() - step.began:.1f}s"
            lines.append(f" => {one_line(step.title, width - len(passed) - 6)}  {passed}")
            lines += [f"{_DIM} => # {line[: width - 8]}{_RESET}" for line in step.tail]
        return lines[: max(1, height - 2)]

    def _width(self) -> int:
        return max(40, self._size().columns)

    def _height(self) -> int:
        return self._size().lines

    def _size(self) -> os.terminal_size:
        try:
            found = os.get_terminal_size(self._stream.fileno())
        except (OSError, ValueError):
            found = os.terminal_size((0, 0))
        # A terminal that does not know its size says 0.
        return os.terminal_size((found.columns or 80, found.lines or 24))
