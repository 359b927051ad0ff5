"""Building one stage: its instructions one after another, a layer for each that touches files."""

from __future__ import annotations

import contextlib
import itertools
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from ci_builder.build.action import Step
from ci_builder.build.caching.stage_cache import StageCache
from ci_builder.build.copy.source import CopySource
from ci_builder.build.creation_time import now
from ci_builder.build.evaluate import State, evaluate
from ci_builder.build.fetch import Fetcher
from ci_builder.build.linked import linked_layer
from ci_builder.build.mounts.prepare import MountSources
from ci_builder.build.perform import CommandExit, Performer, perform
from ci_builder.build.streaming import streamed_layer
from ci_builder.cache.record import Record
from ci_builder.dockerfile.instructions import Instruction
from ci_builder.errors import CiBuilderError, CommandFailed, DockerfileError, Interrupted
from ci_builder.executors.interface import Executor, Workspace
from ci_builder.oci.config import History
from ci_builder.oci.image import Image
from ci_builder.oci.layer import Layer
from ci_builder.outputs.variants import MADE_AS_USUAL, Made
from ci_builder.progress import Notice, Progress, StepFinished, StepOutput, StepStarted
from ci_builder.rootfs.apply import apply_layers
from ci_builder.rootfs.blob import write_layer
from ci_builder.span import Source, Span

_COMMENT = "buildkit.dockerfile.v0"
_TAIL_LINES = 10


@dataclass(frozen=True, slots=True)
class StageTools:
    """What every stage is built with. ``source`` opens what COPY --from names in the stage, ``blobs`` is
    the folder that new layers are written to, as ``made`` says. ``created`` is the time for the history, now
    when empty; ``skeletons``: the executor's workspaces have files' names only; ``cache`` knows what was done
    before."""

    executor: Executor
    source: Callable[[str], contextlib.AbstractContextManager[CopySource]]
    fetcher: Fetcher
    mounts: MountSources
    blobs: Path
    progress: Progress
    dockerfile: Source
    cache: StageCache
    skeletons: bool = False
    created: str = ""
    made: Made = MADE_AS_USUAL


@dataclass(frozen=True, slots=True)
class StageWork:
    """One stage, evaluated: its ``name`` for people, its ``steps``, and the ``state`` after the last."""

    name: str
    steps: tuple[Step, ...]
    state: State


def evaluate_stage(name: str, state: State, instructions: tuple[Instruction, ...]) -> StageWork:
    """The steps of a stage that begins with ``state``. Pure. Raises DockerfileError."""
    steps = []
    for instruction in instructions:
        state, step = evaluate(state, instruction)
        if step is not None:
            steps.append(step)
    return StageWork(name, tuple(steps), state)


@dataclass(frozen=True, slots=True)
class Found:
    """The first steps of a stage that touch files, as far as their layers were found in the cache."""

    records: tuple[Record, ...] = ()

    def on(self, base: Image) -> Image:
        """``base`` with the layers that were found, for looking further."""
        image = base
        for record in self.records:
            image = image.append(record.layer, History())
        return image

    def missing(self, work: StageWork) -> tuple[Step, ...]:
        """The steps that touch files and have to be done, or looked for again when more is known."""
        return tuple(step for step in work.steps if step.actions)[len(self.records) :]


def look_ahead(work: StageWork, base: Image, tools: StageTools) -> Found:
    """What can be told on ``base`` before anything is built."""
    steps = [step for step in work.steps if step.actions]
    return Found(tuple(tools.cache.ahead(steps, base)))


def build_stage(work: StageWork, base: Image, tools: StageTools, found: Found) -> Image:
    """Do the steps on top of ``base``, those that are ``found`` by taking their layers. The workspace is made
    when the first step needs one. Raises DockerfileError, CommandFailed, what the lower floors raise."""
    with contextlib.ExitStack() as stack:
        image = _Stage(work, tools, stack, found).run(base)
    return image.with_config(replace(image.config, run=work.state.run, author=work.state.author))


class _Stage:
    """A stage on its way."""

    def __init__(self, work: StageWork, tools: StageTools, stack: contextlib.ExitStack, found: Found) -> None:
        self._work = work
        self._tools = tools
        self._stack = stack
        self._ahead = list(found.records)
        self._workspace: Workspace | None = None
        self._last = next((step for step in reversed(work.steps) if step.actions), None)
        # A build that finds everything again gives the same image again, times included.
        self._created = found.records[0].created if found.records else ""

    def run(self, image: Image) -> Image:
        total = sum(bool(step.actions) for step in self._work.steps)
        numbers = itertools.count(1)
        for step in self._work.steps:
            if step.actions:
                image = self._layer(step, image, f"{self._work.name} {next(numbers)}/{total}")
            else:
                created = self._tools.created or self._created
                image = image.with_history(_history(step, created, empty=True))
        return image

    def _layer(self, step: Step, image: Image, label: str) -> Image:
        tools = self._tools
        record = self._ahead.pop(0) if self._ahead else tools.cache.find(step, image)
        if record is not None:
            return self._take(step, image, record, label)
        why = tools.cache.why(step)
        if why:
            tools.progress(Notice("info", f"{label}: not in the cache: {why}"))
        if self._workspace is None:
            self._workspace = _open(self._work.name, image, tools)
            self._stack.callback(self._workspace.close)
        after = _do(step, _Doing(label, image, self._workspace, tools, step is self._last))
        tools.cache.keep(step, after.layers[-1], after.config.history[-1].created)
        self._created = ""
        return after

    def _take(self, step: Step, image: Image, record: Record, label: str) -> Image:
        """Take the layer that was found; a workspace that is there gets its files."""
        tools = self._tools
        tools.progress(StepStarted(label, step.title))
        started = time.monotonic()
        try:
            if self._workspace is not None:
                apply_layers((record.layer,), self._workspace.tree)
                self._workspace.changes()
        except BaseException as error:
            tools.progress(StepFinished(label, "failed", time.monotonic() - started))
            raise _located(error, step.span, tools.dockerfile, "") from error
        tools.cache.use(step, record)
        size = record.layer.descriptor.size
        tools.progress(StepFinished(label, "cached", time.monotonic() - started, f"layer of {size:,} bytes"))
        self._created = tools.created or record.created
        return image.append(record.layer, _history(step, self._created, empty=False))


def _open(name: str, base: Image, tools: StageTools) -> Workspace:
    if not base.layers:
        return tools.executor.workspace(base)
    label = f"{name} base"
    started = time.monotonic()
    tools.progress(StepStarted(label, f"unpacking {len(base.layers)} layers"))
    try:
        workspace = tools.executor.workspace(base)
    except BaseException:
        tools.progress(StepFinished(label, "failed", time.monotonic() - started))
        raise
    tools.progress(StepFinished(label, "done", time.monotonic() - started))
    return workspace


@dataclass(frozen=True, slots=True)
class _Doing:
    label: str
    image: Image
    workspace: Workspace
    tools: StageTools
    is_last: bool


def _do(step: Step, doing: _Doing) -> Image:
    """One step; returns the image with its layer and history entry."""
    progress = doing.tools.progress
    progress(StepStarted(doing.label, step.title))
    started = time.monotonic()
    tail = _Tail()

    def output(data: bytes) -> None:
        tail.add(data)
        progress(StepOutput(doing.label, data))

    try:
        layer = _layer(step, doing, output)
    except BaseException as error:
        progress(StepFinished(doing.label, "failed", time.monotonic() - started))
        raise _located(error, step.span, doing.tools.dockerfile, tail.text()) from error
    size = layer.descriptor.size
    progress(StepFinished(doing.label, "done", time.monotonic() - started, f"layer of {size:,} bytes"))
    return doing.image.append(layer, _history(step, doing.tools.created, empty=False))


def _layer(step: Step, doing: _Doing, output: Callable[[bytes], None]) -> Layer:
    workspace, tools = doing.workspace, doing.tools
    performer = Performer(workspace, workspace.tree, tools.source, tools.fetcher, output, mounts=tools.mounts)
    if step.linked:
        return linked_layer(step, performer, tools.blobs, doing.image.family, tools.made)
    if doing.is_last or tools.skeletons:
        traces = not doing.is_last
        layer = streamed_layer(step, performer, tools.blobs, doing.image.family, tools.made, traces=traces)
        if layer is not None:
            if traces:
                workspace.changes()
            return layer
    for action in step.actions:
        perform(action, performer)
    return write_layer(
        workspace.changes(),
        workspace.tree,
        tools.blobs,
        compression=tools.made.compression,
        family=doing.image.family,
        times=tools.made.times,
    )


def _history(step: Step, created: str, *, empty: bool) -> History:
    return History(created or now(), step.created_by, _COMMENT, empty_layer=empty)


def _located(error: BaseException, span: Span, source: Source, tail: str) -> BaseException:
    """The error with the place in the Dockerfile, where it does not have one of its own."""
    if isinstance(error, CommandExit):
        return CommandFailed(error.message, source=source, span=span, code=error.code, tail=tail)
    if isinstance(error, (DockerfileError, Interrupted)):
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
