"""The stages of one build: what the cache has of them, and those made that it has not."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial

from ci_builder.build.ahead import Ahead, Looking
from ci_builder.build.caching.inputs import Sources
from ci_builder.build.caching.layer_cache import LayerCache
from ci_builder.build.caching.recipes import Recipes
from ci_builder.build.caching.stage_cache import StageCache
from ci_builder.build.carry_out import StageTools
from ci_builder.build.copy.source import CopySource
from ci_builder.build.copy_sources import CopySources
from ci_builder.build.creation_time import timestamp
from ci_builder.build.early import EarlyPushes
from ci_builder.build.evaluate import finish
from ci_builder.build.fetch import Fetcher
from ci_builder.build.job import Job
from ci_builder.build.means import Ready
from ci_builder.build.origins import FromContext, FromStage, Origin
from ci_builder.build.parallel import Stages, Stoppable, left_at_the_end
from ci_builder.build.plan import Plan, PlannedStage
from ci_builder.build.product import finished_image
from ci_builder.build.stage import Found, StageWork, build_stage
from ci_builder.build.targets import how_stages_are_made
from ci_builder.cache.explain import compare
from ci_builder.cache.inputs import Input
from ci_builder.cache.record import Record
from ci_builder.cache.told import Told
from ci_builder.executors.interface import Workspace
from ci_builder.oci.digest import Digest
from ci_builder.oci.image import Image
from ci_builder.oci.platform import Platform
from ci_builder.outputs.push import PushOutput
from ci_builder.outputs.variants import Source


class Building:
    """``base_image`` gives the image that a stage begins with, when that is no other stage."""

    def __init__(
        self,
        job: Job,
        planned: Plan,
        works: Mapping[int, StageWork],
        fetcher: Fetcher,
        cache: LayerCache,
        base_image: Callable[[PlannedStage], Image],
    ) -> None:
        self._job = job
        self._planned = planned
        self._works = works
        self._fetcher = fetcher
        self._cache = cache
        self._base_image = base_image
        self._made = how_stages_are_made(planned, job.targets, job.outputs, job.epoch)
        self._executor: Stoppable | None = None
        self._skeletons: Stoppable | None = None
        self._stages: Stages | None = None
        self._files = CopySources(job.context, job.named, self._read, job.bases, self._stage_image)
        steps = {index: work.steps for index, work in works.items()}
        self._early = EarlyPushes(job, planned, self._made)
        self._recipes = Recipes(planned, steps, self._sources, self._image_of, job.caching.forced(planned))
        self._caches = {stage.index: self._cache_of(stage) for stage in planned.stages}

    def look_ahead(self, *, sure: bool = False) -> Ahead:
        """What the cache has, and what is left to do. The layers that were found are asked for, all of them
        to be ``sure``, but for those of which a build that has nothing to make finds it out by itself."""

        def asked(ahead: Ahead) -> Iterable[Record]:
            return (item for item in ahead.records if sure or ahead.makes or self._asks_for(item))

        return self._looked(self._planned.targets, asked)

    def _looked(self, stages: tuple[int, ...], asked: Callable[[Ahead], Iterable[Record]]) -> Ahead:
        """What the cache has of ``stages`` and of what they need, without layers that are ``asked`` for and
        not there."""
        while True:
            looking = Looking(self._planned, self._works, self._base_image, self._look)
            ahead = looking.ahead(stages)
            if not self._cache.lacks(list(asked(ahead))):
                return ahead

    def _renew(self, ahead: Ahead) -> None:
        """What the cache has of stages that are not needed, since what was copied from them was found, is in
        use as well, or it would be gone when one of them changes."""
        known = set(ahead.found)
        while left := set(self._due(ahead)) - known:
            ahead = self._looked(tuple(left), lambda ahead: ahead.records)
            for index, found in ahead.found.items():
                for step, record in () if index in known else found.of(self._works[index]):
                    self._caches[index].use(step, record)
            known |= set(ahead.found)

    def _due(self, ahead: Ahead) -> Iterator[int]:
        """The stages that layers were copied from whose use is to be written down."""
        for index, found in ahead.found.items():
            stage = self._planned.stage(index)
            for step, record in found.of(self._works[index]):
                if self._cache.is_due(record):
                    origins = (stage.origin(text) for text in step.origins)
                    yield from (item.index for item in origins if isinstance(item, FromStage))

    def _asks_for(self, record: Record) -> bool:
        """Whether it would be too late, or never be seen, that this layer is lost. It is not where all that
        happens to it is that other repositories of its registry mount it."""
        registry = record.layer.origin.partition("/")[0]
        places = [reference for item in self._job.outputs for reference in item.references]
        moved = all(isinstance(item.output, PushOutput) for item in self._job.outputs)
        elsewhere = all(place.registry == registry and place.name != record.layer.origin for place in places)
        return not (places and moved and elsewhere and self._cache.stays(record))

    def cache_of(self, index: int) -> StageCache:
        """What the cache is to the stage with that number."""
        return self._caches[index]

    def build(self, ahead: Ahead, ready: Ready) -> dict[str, Source]:
        """Build what is left; each target's image by its name in the Request, with its labels."""
        if ready.choice.executor.name == "in-place":
            # Later, a context that is a repository would be cloned by the git of the image.
            for item in self._planned.sources:
                if isinstance(item, FromContext) and item.name in self._job.named.names:
                    self._job.named.open(item.name)
        self._executor = Stoppable(ready.executors.full, ready.closing)
        self._skeletons = Stoppable(ready.executors.skeletons, ready.closing)
        self._renew(ahead)
        build = partial(self._build, ahead, ready)
        stages = Stages(tuple(ahead.found), build, ready.at_once, self._stop)
        self._stages = stages
        with left_at_the_end(self._executor), left_at_the_end(self._skeletons):
            stages.run()
        # What came from no cache is not made anew; and outputs that are no images need the files.
        if not len(self._cache.earlier) and all(item.form is not None for item in self._job.outputs):
            ready.leave()
        found = {}
        for text, index in zip(self._job.targets, self._planned.targets, strict=True):
            image = finished_image(
                stages.image(index), finish(self._works[index].state, self._job.request.labels)
            )
            found[text] = Source(image, self._base_layers(index), self._own_layers(index), self._made[index])
        return {**found, "": found[self._job.targets[0]]}

    def rest(self) -> None:
        """Leave no thread behind."""
        self._early.rest()

    def _stop(self) -> None:
        for executor in (self._executor, self._skeletons):
            if executor is not None:
                executor.stop()

    def _build(self, ahead: Ahead, ready: Ready, index: int) -> Image:
        assert self._executor is not None
        assert self._skeletons is not None
        stage = self._planned.stage(index)
        shares = ready.sharing is not None and self._is_unpacked(ahead, index)
        skeletons = not shares and not self._runs(ahead, index)
        executor = self._skeletons if skeletons else self._executor
        tools = StageTools(
            workspace=executor.workspace,
            leave=executor.leave,
            skeletons=skeletons,
            keeps=not ready.choice.lacks,
            source=partial(self._open, stage),
            fetcher=self._fetcher,
            mounts=ready.mounts,
            blobs=self._job.blobs / "sha256",
            progress=self._job.surroundings.progress,
            dockerfile=self._job.dockerfile.source,
            cache=self._caches[index],
            early=self._early.for_stage(index),
            created=timestamp(self._job.epoch),
            made=self._made[index],
        )
        return build_stage(self._works[index], self._base(stage), tools, ahead.found[index])

    @staticmethod
    def _runs(ahead: Ahead, index: int) -> bool:
        return any(step.runs for step in ahead.missing[index])

    def _is_unpacked(self, ahead: Ahead, index: int) -> bool:
        """Whether another stage needs the files of the same base."""
        chains = {self._first_chain(other) for other in ahead.missing if self._runs(ahead, other)}
        return self._first_chain(index) in chains

    def _first_chain(self, index: int) -> tuple[Digest, ...]:
        """The layers of the image that everything below a stage began with."""
        return self._base_image(self._planned.line(index)[-1]).config.diff_ids

    def _look(self, stage: PlannedStage, base: Image) -> Found:
        steps = self._works[stage.index].layered
        return Found(tuple(self._caches[stage.index].ahead(steps, base)))

    def _cache_of(self, stage: PlannedStage) -> StageCache:
        job = self._job
        return StageCache(
            cache=self._cache,
            number=stage.index,
            name=stage.name,
            base_layers=self._base_layers(stage.index),
            made=self._made[stage.index],
            sources=self._sources(stage),
            kinds=job.caching.kinds,
            reads=stage.index not in job.caching.forced(self._planned),
            now=job.caching.now,
            progress=job.surroundings.progress,
            explain=self._explain,
        )

    def _explain(self, stage: str, title: str, told: Told) -> str:
        if not len(self._cache.earlier):
            return ""
        return compare(self._cache.earlier, stage, title, told).reason

    def _base(self, stage: PlannedStage) -> Image:
        if isinstance(stage.base, FromStage):
            return self._stage_image(stage.base.index)
        return self._base_image(stage)

    def _base_layers(self, index: int) -> int:
        """How many layers come from the image that everything below a stage began with."""
        return len(self._base_image(self._planned.line(index)[-1]).layers)

    def _own_layers(self, index: int) -> int:
        """The number of the first layer that the stage itself made."""
        return len(self._base(self._planned.stage(index)).layers)

    def _sources(self, stage: PlannedStage) -> Sources:
        def identity(text: str) -> Input | None:
            return self._recipes.identity(stage.origin(text))

        def is_true(text: str) -> bool:
            return self._recipes.is_true(stage.origin(text))

        def is_forced(text: str) -> bool:
            return self._recipes.is_forced(stage.origin(text))

        return Sources(partial(self._open, stage), identity, self._fetcher, is_true, is_forced)

    def _open(self, stage: PlannedStage, text: str) -> contextlib.AbstractContextManager[CopySource]:
        return self._files.open(stage.origin(text) if text else None)

    def _image_of(self, origin: Origin, platform: Platform | None) -> Image | None:
        if isinstance(origin, FromContext) and origin.name in self._job.bases.named.files:
            return None
        return self._job.bases.image(origin, platform)

    def _stage_image(self, index: int) -> Image:
        assert self._stages is not None
        return self._stages.image(index)

    def _read(self, image: Image) -> Workspace:
        assert self._executor is not None
        return self._executor.workspace(image, writable=False)
