"""Which stages a build ends in, and how the layers of each stage are written for its outputs. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from ci_builder.build.plan import Plan
from ci_builder.outputs.choose import Wanted
from ci_builder.outputs.variants import Made, how_to_make
from ci_builder.request import Request


def targets_of(request: Request, outputs: Sequence[Wanted]) -> tuple[str, ...]:
    """The stages that are asked for, each once; the first is that of outputs that name none (empty: the last
    stage), unless every output names one."""
    named = tuple(item.target for item in outputs if item.target)
    is_asked_for = request.target or len(named) < len(outputs)
    first = (request.target,) if is_asked_for else ()
    return tuple(dict.fromkeys((*first, *request.more_targets, *named)))


def how_stages_are_made(
    planned: Plan, targets: Sequence[str], outputs: Sequence[Wanted], epoch: int | None
) -> dict[int, Made]:
    """How the layers of each stage are written, by its number: as its outputs want them.

    A stage that others are made from keeps its times, which their commands may look at.
    """
    asked = list(zip(targets, planned.targets, strict=True))
    found = {}
    for stage in planned.stages:
        names = [text for text, index in asked if index == stage.index]
        wanted = [item for item in outputs if not names or (item.target or targets[0]) in names]
        made = how_to_make([item.form for item in wanted if item.form is not None], epoch)
        cuts = names and not planned.is_needed(stage.index)
        found[stage.index] = made if cuts else Made(made.compression)
    return found
