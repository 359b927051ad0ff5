"""Layers on their way to the registry while the build goes on (issue 5, "Overlap").

Only what the image will hold as it is goes ahead: the layers of the stages that it is made of, where its
output does not rewrite them. What goes wrong here is found again, and told, when the image is pushed.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from functools import partial

from ci_builder.build.background import Background
from ci_builder.build.job import Job
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
        self._background = Background("early push", _AT_ONCE)
        self._places: dict[int, list[tuple[Registry, Reference]]] = {}
        numbers = dict(zip(job.targets, planned.targets, strict=True))
        for wanted in job.outputs:
            target = numbers[wanted.target or job.targets[0]]
            output, form = wanted.output, wanted.form
            if not isinstance(output, PushOutput) or form is None:
                continue
            for index in (stage.index for stage in planned.line(target)):
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
                self._background.begin(partial(_push, registry, layer, reference))

        return push

    def rest(self) -> None:
        """No thread stays when what was begun is done."""
        self._background.rest()


def _push(registry: Registry, layer: Layer, reference: Reference) -> None:
    with contextlib.suppress(CiBuilderError):
        registry.push_layer(layer, reference)


def _as_it_is(form: Form, made: Made) -> bool:
    rewritten = form.rewrite and made.times == KEPT
    return form.compression == made.compression and not rewritten
