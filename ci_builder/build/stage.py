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
from ci_builder.build.copy.source import CopySource
from ci_builder.build.creation_time import now
from ci_builder.build.evaluate import State, evaluate
from ci_builder.build.fetch import Fetcher
from ci_builder.build.linked import linked_layer
from ci_builder.build.mounts.prepare import MountSources
from ci_builder.build.perform import CommandExit, Performer, perform
from ci_builder.dockerfile.instructions import Instruction
from ci_builder.errors import CiBuilderError, CommandFailed, DockerfileError, Interrupted
from ci_builder.executors.interface import Executor, Workspace
from ci_builder.oci.config import History
from ci_builder.oci.image import Image
from ci_builder.oci.layer import Layer
from ci_builder.outputs.variants import MADE_AS_USUAL, Made
from ci_builder.progress import Progress, StepFinished, StepOutput, StepStarted
from ci_builder.rootfs.blob import write_layer
from ci_builder.span import Source, Span

_COMMENT = "buildkit.dockerfile.v0"
_TAIL_LINES = 10


@dataclass(frozen=True, slots=True)
class StageTools:
    """What every stage is built with. ``source`` opens what COPY --from names in the stage, ``blobs`` is
    the folder that new layers are written to, as ``made`` says. ``created`` is the time for the history, now
    when empty."""

    executor: Executor
    source: Callable[[str], contextlib.AbstractContextManager[CopySource]]
    fetcher: Fetcher
    mounts: MountSources
    blobs: Path
    progress: Progress
    dockerfile: Source
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


def build_stage(work: StageWork, base: Image, tools: StageTools) -> Image:
    """Do the steps on top of ``base``. The workspace is made when the first step needs one. Raises
    DockerfileError, CommandFailed and whatever the lower floors raise."""
    image = base
    total = sum(bool(step.actions) for step in work.steps)
    numbers = itertools.count(1)
    with contextlib.ExitStack() as stack:
        workspace: Workspace | None = None
        for step in work.steps:
            if not step.actions:
                image = image.with_history(_history(step, tools.created, empty=True))
                continue
            if workspace is None:
                workspace = _open(work.name, image, tools)
                stack.callback(workspace.close)
            image = _do(step, _Doing(f"{work.name} {next(numbers)}/{total}", image, workspace, tools))
    return image.with_config(replace(image.config, run=work.state.run, author=work.state.author))


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
