"""Building one stage: its instructions one after another, a layer for each that touches files."""

from __future__ import annotations

import contextlib
import itertools
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from functools import partial

from ci_builder.build.action import Step
from ci_builder.build.carry_out import Doing, Making, StageTools, carry_out, located
from ci_builder.build.creation_time import now
from ci_builder.build.emulation import need_this_machine
from ci_builder.build.evaluate import State, evaluate
from ci_builder.build.pending import Pending
from ci_builder.cache.record import Record
from ci_builder.dockerfile.instructions import Instruction
from ci_builder.executors.interface import Workspace
from ci_builder.oci.config import History
from ci_builder.oci.image import Image, scratch
from ci_builder.oci.layer import Layer
from ci_builder.progress import Notice, StepFinished, StepStarted
from ci_builder.rootfs.apply import apply_layers
from ci_builder.values import dataclass, replace

_COMMENT = "buildkit.dockerfile.v0"


@dataclass(frozen=True, slots=True)
class StageWork:
    """One stage, evaluated: its ``name`` for people, its ``steps``, and the ``state`` after the last."""

    name: str
    steps: tuple[Step, ...]
    state: State

    @property
    def layered(self) -> tuple[Step, ...]:
        """The steps that touch files: each makes a layer."""
        return tuple(step for step in self.steps if step.actions)


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

    def of(self, work: StageWork) -> Iterator[tuple[Step, Record]]:
        """Each with its step."""
        return zip(work.layered, self.records, strict=False)

    def missing(self, work: StageWork) -> tuple[Step, ...]:
        """The steps that touch files and have to be done, or looked for again when more is known."""
        return work.layered[len(self.records) :]


def build_stage(work: StageWork, base: Image, tools: StageTools, found: Found) -> Image:
    """Do the steps on top of ``base``, those that are ``found`` by taking their layers. The workspace is made
    when the first step needs one. Raises DockerfileError, CommandFailed, what the lower floors raise."""
    with contextlib.ExitStack() as stack:
        image = _Stage(work, base, tools, stack, found).run()
    return image.with_config(replace(image.config, run=work.state.run, author=work.state.author))


@dataclass(slots=True)
class _Entry:
    """One line of the history: its step, its layer when it makes one, and the time of that."""

    step: Step
    layer: Future[Layer] | None = None
    created: str = ""


class _Growing:
    """An image that gets the layers of more and more entries; it waits for those that are being packed."""

    def __init__(self, base: Image) -> None:
        self._image = base
        self._count = 0

    def with_all(self, entries: Sequence[_Entry]) -> Image:
        """The image with the layers of ``entries``, which begin with those of the last call. It has no
        history of its own."""
        for entry in entries[self._count :]:
            if entry.layer is not None:
                self._image = self._image.append(entry.layer.result(), History())
            self._count += 1
        return self._image


class _Stage:
    """A stage on its way: the layers that it has by now, the last of them maybe still being packed."""

    def __init__(
        self, work: StageWork, base: Image, tools: StageTools, stack: contextlib.ExitStack, found: Found
    ) -> None:
        self._work = work
        self._base = base
        self._tools = tools
        self._stack = stack
        self._ahead = list(found.records)
        self._workspace: Workspace | None = None
        self._pending = Pending()
        self._so_far = _Growing(base)  # of the thread that does the steps
        self._below = _Growing(base)  # of the one that packs
        self._entries: list[_Entry] = []
        self._last = next(reversed(work.layered), None)

    def run(self) -> Image:
        total = len(self._work.layered)
        numbers = itertools.count(1)
        for step in self._work.steps:
            if step.actions:
                self._layer(step, f"{self._work.name} {next(numbers)}/{total}")
            else:
                self._entries.append(_Entry(step))
        return self._with_history()

    def _image(self) -> Image:
        """The base with the layers so far."""
        return self._so_far.with_all(self._entries)

    def _with_history(self) -> Image:
        """A build that finds everything again gives the same image again: what makes no layer has the time of
        the layer before it, or of the first one."""
        times = [entry.created for entry in self._entries if entry.created]
        created = times[0] if times else ""
        image = self._base
        for entry in self._entries:
            created = entry.created or created
            history = _history(entry.step, self._tools.created or created, empty=entry.layer is None)
            layer = entry.layer
            image = image.with_history(history) if layer is None else image.append(layer.result(), history)
        return image

    def _layer(self, step: Step, label: str) -> None:
        tools = self._tools
        if self._pending.failed:
            self._image()  # raises what happened
        record = self._ahead.pop(0) if self._ahead else tools.cache.find(step, self._image)
        if record is not None:
            self._take(step, record, label)
            return
        why = tools.cache.why(step)
        if why:
            tools.progress(Notice("info", f"{label}: not in the cache: {why}"))
        make = self._carried_out(step, label)
        created = tools.created or now()
        layer: Future[Layer] = Future()
        entry = _Entry(step, layer, created)
        below = tuple(self._entries)
        self._entries.append(entry)
        self._pending.add(partial(self._finish, entry, below, make), layer)
        if not make.can_wait:
            layer.result()

    def _carried_out(self, step: Step, label: str) -> Making:
        tools, family = self._tools, self._base.family
        if step.runs:
            need_this_machine(step, self._base.config.platform, tools.dockerfile)
        if not (step.linked and tools.skeletons and self._workspace is None):
            return carry_out(Doing(label, step, self._opened(), tools, family, step is self._last))
        # What is linked needs nothing of what is below, which then need not be unpacked, nor even fetched.
        alone = tools.workspace(scratch(self._base.config.platform))
        try:
            return carry_out(Doing(label, step, alone, tools, family, is_last=True))
        finally:
            tools.leave(alone)

    def _finish(self, entry: _Entry, below: Sequence[_Entry], make: Making) -> Layer:
        """Pack the layer, and let the caches and the registry have it."""
        layer = make.layer()
        if self._tools.keeps:
            self._tools.cache.keep(entry.step, self._below.with_all(below), layer, entry.created)
        self._tools.early(layer)
        return layer

    def _opened(self) -> Workspace:
        if self._workspace is None:
            self._workspace = _open(self._work.name, self._image(), self._tools)
            self._stack.callback(self._tools.leave, self._workspace)
            # Layers are packed out of the workspace.
            self._stack.callback(self._pending.close)
        return self._workspace

    def _take(self, step: Step, record: Record, label: str) -> None:
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
            raise located(error, step.span, tools.dockerfile, "") from error
        tools.cache.use(step, record)
        size = record.layer.descriptor.size
        tools.progress(StepFinished(label, "cached", time.monotonic() - started, f"layer of {size:,} bytes"))
        tools.early(record.layer)
        layer: Future[Layer] = Future()
        layer.set_result(record.layer)
        self._entries.append(_Entry(step, layer, record.created))


def _open(name: str, base: Image, tools: StageTools) -> Workspace:
    if not base.layers:
        return tools.workspace(base)
    label = f"{name} base"
    started = time.monotonic()
    count = len(base.layers)
    tools.progress(StepStarted(label, f"unpacking {count} layer{'' if count == 1 else 's'}"))
    try:
        workspace = tools.workspace(base)
    except BaseException:
        tools.progress(StepFinished(label, "failed", time.monotonic() - started))
        raise
    tools.progress(StepFinished(label, "done", time.monotonic() - started))
    return workspace


def _history(step: Step, created: str, *, empty: bool) -> History:
    return History(created or now(), step.created_by, _COMMENT, empty_layer=empty)
