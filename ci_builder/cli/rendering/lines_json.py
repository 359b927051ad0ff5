"""``--progress json``: one JSON object a line, for programs."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TextIO

from ci_builder.progress import Event, Notice, StepFinished, StepOutput, StepStarted, Transferred
from ci_builder.values import asdict

_NAMES = {
    StepStarted: "step-started",
    StepOutput: "step-output",
    StepFinished: "step-finished",
    Transferred: "transferred",
    Notice: "notice",
}


class JsonRenderer:
    """Writes to ``stream``. Each object has ``event``, ``at`` (seconds since the beginning) and the fields of
    the event; output is text, bytes that are no UTF-8 replaced."""

    def __init__(self, stream: TextIO, clock: Callable[[], float], *, debug: bool = False) -> None:
        self._stream = stream
        self._clock = clock
        self._began = clock()
        self._debug = debug

    def __call__(self, event: Event, /) -> None:
        """See Progress."""
        if isinstance(event, Notice) and event.level == "debug" and not self._debug:
            return
        value: dict[str, Any] = {"event": _NAMES[type(event)], "at": round(self._clock() - self._began, 3)}
        value.update(asdict(event))
        if isinstance(event, StepOutput):
            value["data"] = event.data.decode("utf-8", "replace")
        self._stream.write(json.dumps(value, ensure_ascii=False) + "\n")
        self._stream.flush()

    def close(self) -> None:
        """Nothing is left to be written."""
        self._stream.flush()
