"""Layers on their way to the registry while the build goes on (issue 5, "Overlap").

Only what the image will hold as it is goes ahead: the layers of the stages that it is made of, where its
output does not rewrite them. What goes wrong here is found again, and told, when the image is pushed.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable, Mapping

from ci_builder.build.job import Job
from ci_builder.build.origins import FromStage
from ci_builder.build.plan import Plan
from ci_builder.errors import CiBuilderError
from ci_builder.oci.layer import Layer
from ci_builder.oci.reference import Reference
from ci_builder.outputs.form import Form
from ci_builder.outputs.push import PushOutput
from ci_builder.outputs.variants import Made
from ci_builder.registry.client import Registry
from ci_builder.rootfs.times import KEPT

_AT_ONCE = 2


class EarlyPushes:
    """Where the layers of each stage go."""

    def __init__(self, job: Job, planned: Plan, made: Mapping[int, Made]) -> None:
        self._queue: queue.SimpleQueue[tuple[Registry, Layer, Reference] | None] = queue.SimpleQueue()
        self._threads = 0
        self._lock = threading.Lock()
        self._places: dict[int, list[tuple[Registry, Reference]]] = {}
        numbers = dict(zip(job.targets, planned.targets, strict=True))
        for wanted in job.outputs:
            target = numbers[wanted.target or job.targets[0]]
            output, form = wanted.output, wanted.form
            if not isinstance(output, PushOutput) or form is None:
                continue
            for index in _stages_of(planned, target):
                if _as_it_is(form, made[index]):
                    # The first repository of each registry; the others mount what that one has.
                    firsts = {reference.registry: reference for reference in reversed(wanted.references)}
                    places = [(output.registry, reference) for reference in firsts.values()]
                    self._places.setdefault(index, []).extend(places)

    def for_stage(self, index: int) -> Callable[[Layer], None]:
        """What is given each layer of that stage."""
        places = tuple(dict.fromkeys(self._places.get(index, ())))

        def push(layer: Layer) -> None:
            for registry, reference in places:
                self._queue.put((registry, layer, reference))
                self._begin()

        return push

    def rest(self) -> None:
        """No layer is begun any more, and no thread stays."""
        with self._lock:
            threads, self._threads = self._threads, 0
        for _ in range(threads):
            self._queue.put(None)

    def _begin(self) -> None:
        with self._lock:
            if self._threads < _AT_ONCE:
                self._threads += 1
                threading.Thread(target=self._work, name="early push", daemon=True).start()

    def _work(self) -> None:
        while (work := self._queue.get()) is not None:
            registry, layer, reference = work
            with contextlib.suppress(CiBuilderError):
                registry.push_layer(layer, reference)


def _stages_of(planned: Plan, target: int) -> list[int]:
    """The stage ``target`` and those that it begins with."""
    by_number = {stage.index: stage for stage in planned.stages}
    found = [target]
    while isinstance(base := by_number[found[-1]].base, FromStage):
        found.append(base.index)
    return found


def _as_it_is(form: Form, made: Made) -> bool:
    rewritten = form.rewrite and made.times == KEPT
    return form.compression == made.compression and not rewritten
