"""``--progress plain``: lines that stay, as BuildKit's plain display writes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TextIO

from ci_builder.cli.rendering.text import Lines, one_line, size, visible
from ci_builder.progress import Event, Notice, StepFinished, StepOutput, StepStarted, Transferred
from ci_builder.values import dataclass, field


@dataclass(slots=True)
class _Step:
    number: int
    began: float
    lines: Lines = field(default_factory=Lines)


class PlainRenderer:
    """Writes to ``stream``; ``clock`` gives seconds; ``debug``: also notices of that level.

    Every line says to which step it belongs, so that steps that run at once can be told apart.
    """

    def __init__(self, stream: TextIO, clock: Callable[[], float], *, debug: bool = False) -> None:
        self._stream = stream
        self._clock = clock
        self._debug = debug
        self._steps: dict[str, _Step] = {}
        self._last = 0
        self._count = 0

    def __call__(self, event: Event, /) -> None:
        """See Progress."""
        if isinstance(event, StepStarted):
            self._count += 1
            step = _Step(self._count, self._clock())
            self._steps[event.step] = step
            self._write(step.number, visible(f"[{event.step}] {one_line(event.title)}"))
        elif isinstance(event, StepOutput):
            self._output(event)
        elif isinstance(event, StepFinished):
            self._finish(event)
        elif isinstance(event, Transferred):
            self._say(f"{event.how} {event.what} {size(event.size)}")
        elif isinstance(event, Notice) and (event.level != "debug" or self._debug):
            where = f"{event.file}:{event.line}: " if event.file else ""
            self._say(f"{event.level}: {where}{event.text}" if event.level != "info" else where + event.text)

    def close(self) -> None:
        """Nothing is left to be written."""
        self._stream.flush()

    def _output(self, event: StepOutput) -> None:
        step = self._steps.get(event.step)
        if step is not None:
            self._show(step, step.lines.feed(event.data))

    def _show(self, step: _Step, lines: list[str]) -> None:
        passed = self._clock() - step.began
        for line in lines:
            self._write(step.number, f"{passed:.3f} {visible(line)}".rstrip())

    def _finish(self, event: StepFinished) -> None:
        step = self._steps.pop(event.step, None)
        if step is None:
            return
        self._show(step, step.lines.end())
        ends = {"done": f"DONE {event.seconds:.1f}s", "cached": "CACHED", "failed": "ERROR"}
        detail = f" {one_line(event.detail)}" if event.detail else ""
        self._write(step.number, ends[event.outcome] + detail)

    def _write(self, number: int, text: str) -> None:
        if self._last not in (0, number):
            self._stream.write("\n")
        self._last = number
        self._stream.write(f"#{number} {text}\n")
        self._stream.flush()

    def _say(self, text: str) -> None:
        self._stream.write(text + "\n")
        self._stream.flush()
