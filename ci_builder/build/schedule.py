"""A whole build: from what was read to a Result."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING

from ci_builder.build.building import Building
from ci_builder.build.caching.layer_cache import LayerCache
from ci_builder.build.checks import Checked, check_options, find, findings_without_bases, refuse, tell
from ci_builder.build.evaluate import begin, begin_from_stage
from ci_builder.build.job import Job, prepare
from ci_builder.build.lint.trace import Base
from ci_builder.build.means import Readiness, Ready, begin_trial, fetcher_for
from ci_builder.build.origins import FromContext, FromImage, FromStage, Origin, named_origins
from ci_builder.build.permitted import need_no_emulation
from ci_builder.build.plan import Plan, PlannedStage, PlanOptions, plan
from ci_builder.build.platforms import host_platform
from ci_builder.build.product import Built, Delivered, report, write_product
from ci_builder.build.reading import Reading
from ci_builder.build.stage import StageWork, evaluate_stage
from ci_builder.cache.records import Records
from ci_builder.dockerfile.dockerfile import Dockerfile
from ci_builder.dockerfile.instructions import Instruction
from ci_builder.dockerfile.instructions.from_ import From
from ci_builder.dockerfile.targets import Target
from ci_builder.dockerfile.targets import targets as stages_of
from ci_builder.errors import (
    CiBuilderError,
    DigestMismatch,
    DockerfileError,
    ImageError,
    OutputError,
    RegistryError,
    RegistryUnreachable,
    Stopped,
)
from ci_builder.meanwhile import meanwhile
from ci_builder.oci.image import Image
from ci_builder.oci.reference import DOCKER_HUB
from ci_builder.outputs.choose import Wanted
from ci_builder.outputs.types import is_stream
from ci_builder.outputs.variants import Source, Variants
from ci_builder.progress import Notice
from ci_builder.request import Result
from ci_builder.values import replace

if TYPE_CHECKING:
    from ci_builder.build.outline import Outline
    from ci_builder.build.preview import Prospect


def build(reading: Reading) -> Result:
    """See ci_builder.build.start."""
    job, stack = prepare(reading), reading.stack
    first = _first_plan(job)
    trying = begin_trial(job, first, stack)
    # Registries take their time to answer: whether one may push is asked while the bases are looked for.
    checked = meanwhile(partial(_check_outputs, job.outputs))
    planned = _plan_with_triggers(job, first)
    works = _evaluate(job, planned)
    _lint(job, planned, stack)
    checked()
    fetcher = fetcher_for(job, works)
    cache = job.caching.open(planned, job.surroundings.progress)
    readiness = Readiness(job, works, stack, trying)
    base = partial(_base_image, job)
    with contextlib.ExitStack() as leaving:
        leaving.push(partial(_write_down, cache))
        while True:
            building = Building(job, planned, works, fetcher, cache, base)
            begun = False
            try:
                ahead = building.look_ahead()
                need_no_emulation(planned, ahead, base, job.dockerfile, sure=cache.began_empty)
                ready = readiness.ready(ahead)
                sources = building.build(ahead, ready)
                begun = any(map(is_stream, job.request.outputs))
                delivered = _deliver(job, planned, sources, ready, cache)
                break
            except (CiBuilderError, Stopped) as error:
                # A cache never fails a build: what was found and did not come is made.
                building.rest()
                readiness.rest()
                # What went to standard output cannot be taken back.
                if begun or isinstance(error, Stopped) or not cache.forget_lost(error):
                    raise
                text = f"a layer of the cache cannot be had, so it is made anew: {error}"
                job.surroundings.progress(Notice("warning", text))
        ready.mounts.caches.kept.send()
    return report(ready.choice, delivered, time.monotonic() - reading.started)


def _deliver(
    job: Job, planned: Plan, sources: Mapping[str, Source], ready: Ready, cache: LayerCache
) -> tuple[Delivered, ...]:
    variants = Variants(job.blobs / "sha256", job.epoch)
    records = cache.records_of(planned.of_images) if job.caching.inline else Records()
    return write_product(Built(sources, ready.choice, variants, records), job.outputs)


def _write_down(
    cache: LayerCache,
    kind: type[BaseException] | None,
    error: BaseException | None,
    trace: TracebackType | None,
) -> None:
    """At the end of a build, well or not, the cache gets what was made; but who is told to stop, stops."""
    if not isinstance(error, Stopped):
        cache.finish()


def check(reading: Reading) -> Checked:
    """See ci_builder.build.start."""
    job = prepare(reading)
    job = replace(job, bases=replace(job.bases, any_platform=True), everything=not job.request.target)
    try:
        planned = _plan_with_triggers(job, _first_plan(job))
        return _checked(job, planned)
    except CiBuilderError as error:
        return Checked(findings_without_bases(job.dockerfile, _options(job, {})), error)


def looked_ahead(reading: Reading) -> Prospect:
    """See ci_builder.build.start."""
    from ci_builder.build.preview import Prospect  # here: a build has none

    job = prepare(reading)
    planned = _plan_with_triggers(job, _first_plan(job))
    works = _evaluate(job, planned)
    cache = job.caching.open(planned, job.surroundings.progress)
    base = partial(_base_image, job)
    building = Building(job, planned, works, fetcher_for(job, works), cache, base)
    ahead = building.look_ahead(sure=True)
    need_no_emulation(planned, ahead, base, job.dockerfile, sure=cache.began_empty)
    return Prospect(job, planned, works, building, ahead, base, cache.earlier)


def targets(reading: Reading) -> tuple[Target, ...]:
    """See ci_builder.build.start."""
    return stages_of(prepare(reading).dockerfile)


def outlined(reading: Reading) -> tuple[Outline, Dockerfile]:
    """See ci_builder.build.start."""
    from ci_builder.build.outline import outline  # here: a build has none

    job = prepare(reading)
    return outline(job.dockerfile, _first_plan(job)), job.dockerfile


def _lint(job: Job, planned: Plan, stack: contextlib.ExitStack) -> None:
    """Findings are told when the build is over, whatever comes of it."""
    found = _checked(job, planned).findings
    stack.callback(tell, found, job.surroundings.progress)
    refuse(found, check_options(job.dockerfile, job.request.build_args))


def _checked(job: Job, planned: Plan) -> Checked:
    def base(stage: PlannedStage) -> Base:
        wanted = stage.platform or job.bases.platform
        if isinstance(stage.base, FromStage):
            return Base(None, wanted, None, job.context.ignore)
        config = _base_image(job, stage).config
        actual = config.platform if isinstance(stage.base, FromImage) else None
        return Base(begin(config, planned.settings), wanted, actual, job.context.ignore)

    return find(job.dockerfile, planned, _options(job, {}), base)


def _check_outputs(outputs: tuple[Wanted, ...]) -> None:
    try:
        for item in outputs:
            item.output.check(item.references)
    except OSError as error:
        raise OutputError(f"cannot write the output: {error.strerror}: {error.filename}") from error


def _first_plan(job: Job) -> Plan:
    """The plan as the Dockerfile alone tells it."""
    return plan(job.dockerfile, _options(job, {}))


def _plan_with_triggers(job: Job, planned: Plan) -> Plan:
    """The plan, made again as long as the bases that it needs bring new ONBUILD triggers; ``planned`` is the
    first one."""
    triggers: dict[int, tuple[str, ...]] = {}
    while True:
        found = {
            stage.index: image.config.run.onbuild
            for stage in planned.stages
            if not isinstance(stage.base, FromStage) and (image := _base_image(job, stage)).config.run.onbuild
        }
        if found == triggers:
            break
        triggers = found
        planned = plan(job.dockerfile, _options(job, triggers))
    for stage in planned.stages:
        _find_images_to_copy_from(job, stage)
    for name in dict.fromkeys(planned.unused_args):
        text = f"the build argument {name} is not used in the Dockerfile"
        job.surroundings.progress(Notice("warning", text))
    for name in planned.unused_contexts:
        text = f"the build context {name} is not used in the Dockerfile"
        job.surroundings.progress(Notice("warning", text))
    return planned


def _is_folder(job: Job, origin: Origin) -> bool:
    return isinstance(origin, FromContext) and origin.name in job.bases.named.files


def _options(job: Job, triggers: Mapping[int, tuple[str, ...]]) -> PlanOptions:
    request = job.request
    return PlanOptions(
        target_platform=job.bases.platform,
        build_platform=host_platform(),
        target=job.targets[0],
        others=job.targets[1:],
        build_args=request.build_args,
        contexts=job.bases.named.names,
        folders=tuple(job.bases.named.files),
        onbuild=triggers,
        everything=job.everything,
        commands=request.commands,
    )


def _evaluate(job: Job, planned: Plan) -> dict[int, StageWork]:
    """Every stage's steps, before anything is done. Raises DockerfileError."""
    works: dict[int, StageWork] = {}
    for stage in planned.stages:
        if isinstance(stage.base, FromStage):
            state = begin_from_stage(works[stage.base.index].state)
        else:
            state = begin(_base_image(job, stage).config, planned.settings)
        works[stage.index] = evaluate_stage(stage.name, state, stage.instructions)
    return works


def _base_image(job: Job, stage: PlannedStage) -> Image:
    """The image that a stage begins with, when that is no other stage."""
    with _at(job, stage.stage.base):
        return job.bases.image(stage.base, stage.platform)


def _find_images_to_copy_from(job: Job, stage: PlannedStage) -> None:
    """Ask for the images that COPY --from names before anything is built."""
    origins = dict(stage.origins)
    for instruction in stage.instructions:
        for name in named_origins(instruction):
            origin = origins[name]
            if not isinstance(origin, FromStage) and not _is_folder(job, origin):
                with _at(job, instruction):
                    job.bases.image(origin)


def _hint(error: CiBuilderError) -> str:
    if isinstance(error, DigestMismatch):
        return ""
    if isinstance(error, RegistryUnreachable) and DOCKER_HUB not in error.url:
        return (
            "is it up, and does this job reach it? (--registry-mirror names another one, HTTPS_PROXY a proxy)"
        )
    return "an unknown name is taken for an image of that registry: is it spelt right?"


@contextlib.contextmanager
def _at(job: Job, instruction: From | Instruction) -> Iterator[None]:
    """Errors about an image get the place in the Dockerfile that names it."""
    try:
        yield
    except (RegistryError, ImageError) as error:
        hint = error.hint or _hint(error)
        span = instruction.line.span
        raise DockerfileError(str(error), source=job.dockerfile.source, span=span, hint=hint) from error
