"""What a build would do, without doing it: the values behind ``plan`` and ``explain``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from ci_builder.build.action import Clone, CopyFiles, Fetch, RunCommand, Step
from ci_builder.build.ahead import Ahead
from ci_builder.build.building import Building
from ci_builder.build.caching.outlook import Below, Outlook, outlooks
from ci_builder.build.describe import describe_origin
from ci_builder.build.job import Job
from ci_builder.build.origins import FromContext, FromStage, Origin
from ci_builder.build.plan import Plan, PlannedStage
from ci_builder.build.stage import StageWork
from ci_builder.cache.records import Records
from ci_builder.errors import RegistryError
from ci_builder.oci.image import Image
from ci_builder.oci.layer import Layer
from ci_builder.oci.reference import Reference
from ci_builder.outputs.choose import Wanted
from ci_builder.outputs.push import PushOutput
from ci_builder.values import dataclass

_NO_CACHE = "no cache is named: --cache-repo, --cache-from"


@dataclass(frozen=True, slots=True)
class Prospect:
    """A build that has looked ahead, and stopped there. ``base`` gives the image that a stage begins with
    when that is no other stage, ``earlier`` is what the caches have."""

    job: Job
    planned: Plan
    works: Mapping[int, StageWork]
    building: Building
    ahead: Ahead
    base: Callable[[PlannedStage], Image]
    earlier: Records


@dataclass(frozen=True, slots=True)
class Amount:
    """So many layers with so many compressed bytes."""

    layers: int = 0
    bytes: int = 0

    @staticmethod
    def of(layers: Iterable[Layer]) -> Amount:
        """That of ``layers``."""
        sizes = [layer.descriptor.size for layer in layers]
        return Amount(len(sizes), sum(sizes))


@dataclass(frozen=True, slots=True)
class StageOutlook:
    """``needed``: it is looked at by the build at all. ``steps`` has those that touch files, in order."""

    number: int
    name: str
    target: bool
    base: str
    needed: bool
    steps: tuple[Outlook, ...]


@dataclass(frozen=True, slots=True)
class Unpacked:
    """An image that a build would unpack: for a stage's commands and copies, or to copy from."""

    what: str
    amount: Amount


@dataclass(frozen=True, slots=True)
class Pushed:
    """What pushing to ``reference`` means for the layers that are known: ``there`` already, ``mounted`` from
    another repository of the registry, ``uploaded``. ``new`` layers have to be made first. ``problem``: why
    nothing can be said of those that are known."""

    reference: str
    there: Amount
    mounted: Amount
    uploaded: Amount
    new: int
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Preview:
    """``reads`` and ``writes`` name the caches, ``outputs`` what is written besides what is pushed."""

    stages: tuple[StageOutlook, ...]
    unpacked: tuple[Unpacked, ...]
    pushed: tuple[Pushed, ...]
    reads: tuple[str, ...]
    writes: tuple[str, ...]


def stages_of(prospect: Prospect) -> tuple[StageOutlook, ...]:
    """What becomes of each stage, in the order of the Dockerfile."""
    return tuple(_stage(prospect, stage) for stage in prospect.planned.stages)


def preview(prospect: Prospect) -> Preview:
    """All of it. Asks the registries that would be pushed to for the layers that are known."""
    caching = prospect.job.caching
    return Preview(
        stages_of(prospect),
        tuple(_unpacked(prospect)),
        tuple(item for wanted in prospect.job.outputs for item in _pushed(prospect, wanted)),
        tuple(str(cache) for cache in caching.sources),
        (*(str(target.cache) for target in caching.targets), *(("inline",) if caching.inline else ())),
    )


def verbs(step: Step) -> tuple[str, ...]:
    """What a step does, each once: ``run``, ``copy``, ``fetch``, ``clone``, ``make``."""
    found = []
    for action in step.actions:
        if isinstance(action, RunCommand):
            found.append("run")
        elif isinstance(action, CopyFiles):
            found.append("copy")
        elif isinstance(action, Fetch):
            found.append("fetch")
        else:
            found.append("clone" if isinstance(action, Clone) else "make")
    return tuple(dict.fromkeys(found))


def _stage(prospect: Prospect, stage: PlannedStage) -> StageOutlook:
    planned, index = prospect.planned, stage.index
    needed = index in prospect.ahead.found
    steps: tuple[Outlook, ...] = ()
    if needed:
        found = prospect.ahead.found[index].records
        below = Below(_image(prospect, stage), prospect.base(planned.line(index)[-1]))
        cache = prospect.building.cache_of(index)
        steps = tuple(outlooks(cache, prospect.works[index].layered, found, below, prospect.earlier))
        if not prospect.job.caching.sources:
            steps = tuple(Outlook(item.step, item.status, reason=_NO_CACHE) for item in steps)
    base = describe_origin(stage.base, planned)
    return StageOutlook(index, stage.name, index in planned.targets, base, needed, steps)


def _image(prospect: Prospect, stage: PlannedStage) -> Image | None:
    """What a stage has before the first step that is missing; None where that has to be built."""
    if isinstance(stage.base, FromStage):
        below = prospect.planned.stage(stage.base.index)
        if below.index not in prospect.ahead.missing or prospect.ahead.missing[below.index]:
            return None
        base = _image(prospect, below)
    else:
        base = prospect.base(stage)
    return None if base is None else prospect.ahead.found[stage.index].on(base)


def _unpacked(prospect: Prospect) -> Iterator[Unpacked]:
    read: dict[Origin, None] = {}
    for index, missing in prospect.ahead.missing.items():
        stage = prospect.planned.stage(index)
        image = _image(prospect, stage)
        if not all(step.linked for step in missing) and image is not None and image.layers:
            whole = any(step.runs for step in missing)
            what = "for stage" if whole else "only names of files, for stage"
            yield Unpacked(f"{what} {index} {stage.name}", Amount.of(image.layers))
        for step in missing:
            read.update((stage.origin(text), None) for text in step.origins)
    for origin in read:
        found = _image_to_read(prospect, origin)
        if found is not None and found.layers:
            name = describe_origin(origin, prospect.planned)
            yield Unpacked(f"to copy from {name}", Amount.of(found.layers))


def _image_to_read(prospect: Prospect, origin: Origin) -> Image | None:
    """The image behind ``origin``; None for a folder, and for a stage that has to be built."""
    if isinstance(origin, FromStage):
        done = not prospect.ahead.missing[origin.index]
        return _image(prospect, prospect.planned.stage(origin.index)) if done else None
    if isinstance(origin, FromContext) and origin.name in prospect.job.bases.named.files:
        return None
    return prospect.job.bases.image(origin)


def _pushed(prospect: Prospect, wanted: Wanted) -> Iterator[Pushed]:
    if not isinstance(wanted.output, PushOutput):
        return
    targets = dict(zip(prospect.job.targets, prospect.planned.targets, strict=True))
    stage = prospect.planned.stage(targets[wanted.target or prospect.job.targets[0]])
    known, new = _layers(prospect, stage)
    for reference in wanted.references:
        yield _to(prospect, reference, known, new)


def _layers(prospect: Prospect, stage: PlannedStage) -> tuple[Sequence[Layer], int]:
    """The layers of a stage that are known, and how many have to be made."""
    missing = len(prospect.ahead.missing[stage.index])
    image = _image(prospect, stage)
    if image is not None:
        return image.layers, missing
    assert isinstance(stage.base, FromStage)
    known, below = _layers(prospect, prospect.planned.stage(stage.base.index))
    return known, below + missing


def _to(prospect: Prospect, reference: Reference, layers: Sequence[Layer], new: int) -> Pushed:
    registry = prospect.job.bases.registry
    there: list[Layer] = []
    mounted: list[Layer] = []
    uploaded: list[Layer] = []
    try:
        for layer in {layer.descriptor.digest: layer for layer in layers}.values():
            home = layer.origin.partition("/")[0]
            if registry.has_layer(layer, reference):
                there.append(layer)
            else:
                (mounted if home == reference.registry else uploaded).append(layer)
    except RegistryError as error:
        return Pushed(str(reference), Amount(), Amount(), Amount(), new, str(error))
    return Pushed(str(reference), Amount.of(there), Amount.of(mounted), Amount.of(uploaded), new)
