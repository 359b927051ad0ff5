"""Carrying out one step: what it does to the workspace, and then the layer of what changed."""

from __future__ import annotations

import contextlib
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from ci_builder.build.action import Step
from ci_builder.build.caching.stage_cache import StageCache
from ci_builder.build.copy.source import CopySource
from ci_builder.build.fetch import Fetcher
from ci_builder.build.linked import linked_layer
from ci_builder.build.mounts.prepare import MountSources
from ci_builder.build.perform import CommandExit, Performer, perform
from ci_builder.build.streaming import streamed_layer
from ci_builder.errors import CiBuilderError, CommandFailed, DockerfileError, OutOfTime
from ci_builder.executors.interface import Workspace
from ci_builder.oci.image import Family, Image
from ci_builder.oci.layer import Layer
from ci_builder.outputs.variants import MADE_AS_USUAL, Made
from ci_builder.progress import Progress, StepFinished, StepOutput, StepStarted
from ci_builder.rootfs.blob import write_layer
from ci_builder.span import Source, Span
from ci_builder.values import dataclass, field

_TAIL_LINES = 10
_OUT_OF_TIME = 124  # as timeout(1)
_Result = TypeVar("_Result")


def _not_early(layer: Layer) -> None:
    """Nothing is done with it ahead of time."""


@dataclass(frozen=True, slots=True)
class StageTools:
    """What every stage is built with. ``workspace`` makes one of an image, ``leave`` takes one that nobody
    needs any more, ``source`` opens what COPY --from names in the stage, ``blobs`` is the folder that new
    layers are written to, as ``made`` says. ``created`` is the time for the history, now when empty;
    ``skeletons``: the executor's workspaces have files' names only; ``keeps_runs``: what commands make may be
    kept for others; ``cache`` knows what was done before; ``early`` is given each layer as soon as it is
    there."""

    workspace: Callable[[Image], Workspace]
    leave: Callable[[Workspace], None]
    source: Callable[[str], contextlib.AbstractContextManager[CopySource]]
    fetcher: Fetcher
    mounts: MountSources
    blobs: Path
    progress: Progress
    dockerfile: Source
    cache: StageCache
    early: Callable[[Layer], None] = _not_early
    skeletons: bool = False
    keeps: bool = True
    created: str = ""
    made: Made = MADE_AS_USUAL


@dataclass(frozen=True, slots=True)
class Doing:
    """A step that is to be done in ``workspace``; ``family`` is that of the image's media types, ``is_last``:
    no other step needs what it leaves there."""

    label: str
    step: Step
    workspace: Workspace
    tools: StageTools
    family: Family
    is_last: bool


@dataclass(frozen=True, slots=True)
class Making:
    """A step that was done but for its layer. ``can_wait``: the next step does not disturb it."""

    layer: Callable[[], Layer]
    can_wait: bool


def carry_out(doing: Doing) -> Making:
    """Do it, telling so. Raises CommandFailed, DockerfileError."""
    progress, started = doing.tools.progress, time.monotonic()
    progress(StepStarted(doing.label, doing.step.title))
    tail = _Tail()

    def output(data: bytes) -> None:
        tail.add(data)
        progress(StepOutput(doing.label, data))

    def told(work: Callable[[], _Result]) -> _Result:
        try:
            return work()
        except BaseException as error:
            progress(StepFinished(doing.label, "failed", time.monotonic() - started))
            raise located(error, doing.step.span, doing.tools.dockerfile, tail.text()) from error

    making = told(lambda: _done(doing, output))

    def finish() -> Layer:
        layer = told(making.layer)
        size = layer.descriptor.size
        progress(StepFinished(doing.label, "done", time.monotonic() - started, f"layer of {size:,} bytes"))
        return layer

    return Making(finish, making.can_wait)


def _done(doing: Doing, output: Callable[[bytes], None]) -> Making:
    step, workspace, tools = doing.step, doing.workspace, doing.tools
    performer = Performer(workspace, workspace.tree, tools.source, tools.fetcher, output, mounts=tools.mounts)
    if step.linked:
        return _made(_linked(doing, performer))
    if doing.is_last or tools.skeletons:
        traces = not doing.is_last
        layer = streamed_layer(step, performer, tools.blobs, doing.family, tools.made, traces=traces)
        if layer is not None:
            if traces:
                workspace.changes()
            return _made(layer)
    for action in step.actions:
        perform(action, performer)
    changes = workspace.changes()

    def pack() -> Layer:
        return write_layer(
            changes,
            changes.kept_in or workspace.tree,
            tools.blobs,
            compression=tools.made.compression,
            family=doing.family,
            times=tools.made.times,
        )

    return Making(pack, changes.kept_in is not None)


def _linked(doing: Doing, performer: Performer) -> Layer:
    tools = doing.tools
    over = not doing.is_last
    return linked_layer(doing.step, performer, tools.blobs, doing.family, tools.made, over=over)


def _made(layer: Layer) -> Making:
    return Making(lambda: layer, can_wait=True)


def located(error: BaseException, span: Span, source: Source, tail: str) -> BaseException:
    """The error with the place in the Dockerfile, where it does not have one of its own."""
    if isinstance(error, CommandExit):
        return CommandFailed(error.message, source=source, span=span, code=error.code, tail=tail)
    if isinstance(error, OutOfTime):
        return CommandFailed(
            error.message, source=source, span=span, code=_OUT_OF_TIME, tail=tail, hint=error.hint
        )
    if isinstance(error, DockerfileError):
        return error
    if isinstance(error, CiBuilderError):
        return DockerfileError(str(error), source=source, span=span, hint=error.hint)
    return error


@dataclass(slots=True)
class _Tail:
    """The last lines of what a command printed."""

    lines: deque[bytes] = field(default_factory=lambda: deque(maxlen=_TAIL_LINES))
    open: bytes = b""

    def add(self, data: bytes) -> None:
        *whole, rest = (self.open + data).split(b"\n")
        self.lines.extend(whole)
        self.open = rest[-4096:]

    def text(self) -> str:
        lines = [*self.lines, self.open] if self.open else list(self.lines)
        return b"\n".join(lines[-_TAIL_LINES:]).decode("utf-8", "replace")
