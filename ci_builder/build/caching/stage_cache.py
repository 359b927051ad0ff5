"""The cache as one stage sees it: which of its steps were done before."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence

from ci_builder.build.action import Step
from ci_builder.build.caching.inputs import (
    Sources,
    foreign,
    inputs_of_form,
    inputs_of_stage,
    inputs_of_step,
)
from ci_builder.build.caching.layer_cache import LayerCache
from ci_builder.cache.explain import NOTHING_DIFFERS
from ci_builder.cache.inputs import Input, Key, KeyMaker
from ci_builder.cache.record import Record
from ci_builder.cache.told import Telling, Told
from ci_builder.errors import CiBuilderError
from ci_builder.oci.config import History
from ci_builder.oci.digest import Digest
from ci_builder.oci.image import Image
from ci_builder.oci.layer import Layer
from ci_builder.outputs.variants import Made
from ci_builder.progress import Notice, Progress
from ci_builder.values import dataclass, field, replace

ITS_LAYER_IS_GONE = "its layer is no longer there"
OF_WHAT_IS_FORCED = "what it takes files from is built anew"


@dataclass(frozen=True, slots=True)
class Kinds:
    """Which steps take part: RUN, and those that copy (kaniko's --cache-run-layers, --cache-copy-layers)."""

    run: bool = True
    copy: bool = True

    def takes(self, step: Step) -> bool:
        """Whether this one does."""
        return self.run if step.runs else self.copy


@dataclass(frozen=True, slots=True)
class _Seen:
    """What a step was looked up by on the layers ``below``: on others its layer is another one, and what it
    was looked up by ``elsewhere`` is only for telling. ``touched`` changes when one of its files is changed
    meanwhile."""

    keys: tuple[Key, ...]
    told: Told
    touched: Key
    below: tuple[Digest, ...] = ()
    elsewhere: tuple[Key, ...] = ()

    def on(self, below: tuple[Digest, ...]) -> _Seen:
        """What of it holds on the layers ``below``."""
        if self.below == below:
            return self
        return _Seen((), (), self.touched, below, (*self.elsewhere, *self.keys))


@dataclass(slots=True)
class StageCache:
    """One stage's view. ``number`` and ``name`` are the stage's, ``made`` how its layers are written;
    ``reads``: whether its steps may be found (not with --no-cache)."""

    cache: LayerCache
    number: int
    name: str
    base_layers: int
    made: Made
    sources: Sources
    kinds: Kinds
    reads: bool
    now: Callable[[], int]
    progress: Progress
    explain: Callable[[str, str, Told], str]
    _seen: dict[int, _Seen] = field(default_factory=dict)

    def ahead(self, steps: Sequence[Step], image: Image) -> list[Record]:
        """The records of the first steps that touch files, as far as they can be told on ``image`` without
        opening another stage; nobody has asked yet whether their layers exist."""
        found: list[Record] = []
        for step in steps:
            record = self._look_up(step, image, self.sources)
            if record is None:
                break
            found.append(record)
            image = image.append(record.layer, History())
        return found

    def find(self, step: Step, image_so_far: Callable[[], Image]) -> Record | None:
        """The record for a step on the image so far, by what it says and by the files that it takes; the
        image is asked for only when there is anything to be found."""
        if not self._takes_part(step):
            return None
        if not self.reads or self.cache.began_empty:
            self._note(step)
            return None
        image = image_so_far()
        record = self._there(step, image, self.sources)
        if record is None and foreign(step, self.sources):
            record = self._there(step, image, self.sources.by_content())
        return record

    def known(self, step: Step, image: Image) -> Record | None:
        """The record for a step on ``image`` as far as it can be told without opening another stage."""
        return self._there(step, image, self.sources)

    def _there(self, step: Step, image: Image, sources: Sources) -> Record | None:
        """The record whose layer is where it should be, in whichever cache."""
        record = self._look_up(step, image, sources)
        while record is not None and self.cache.lacks([record]):
            record = self._look_up(step, image, sources)
        return record

    def told(self, step: Step, image: Image | None) -> Told:
        """What a step depends on; without the ``image`` below, as far as the step says it itself. Raises
        CiBuilderError, OSError."""
        telling = Telling()
        own = inputs_of_step(step, self.sources)
        for item in own if image is None else self._inputs(step, image, self.sources):
            telling.add(item)
        return telling.told()

    def why(self, step: Step) -> str:
        """Why a step was not found, in one line; empty where nothing can be said."""
        seen = self._seen.get(id(step))
        if seen is None or not seen.keys or not self.reads:
            return ""
        if self.is_gone(step):
            return ITS_LAYER_IS_GONE
        reason = self.explain(self.name, step.title, seen.told)
        return OF_WHAT_IS_FORCED if reason == NOTHING_DIFFERS and self.copies_what_is_forced(step) else reason

    def is_gone(self, step: Step) -> bool:
        """Whether its layer was found, and was in no cache any more."""
        seen = self._seen.get(id(step))
        return seen is not None and self.cache.is_gone((*seen.keys, *seen.elsewhere))

    def use(self, step: Step, record: Record) -> None:
        """The step is done with the layer of ``record``."""
        self.cache.use(self.number, record, self._seen[id(step)].keys)

    def keep(self, step: Step, below: Image, layer: Layer, created: str) -> None:
        """The step was done on ``below``: what came of it is for later builds."""
        seen = self._seen.get(id(step))
        if seen is not None and not (here := seen.on(below.config.diff_ids)).keys:
            self._seen[id(step)] = here
            self._look_up(step, below, self.sources)
            if foreign(step, self.sources):
                self._look_up(step, below, self.sources.by_content())
        seen = self._seen.get(id(step))
        if seen is None or not seen.keys:
            return
        if not self._is_untouched(step, seen) or not all(map(self.sources.is_true, step.origins)):
            text = f"{step.title}: its files changed while it was copied, so it is not kept in the cache"
            self.progress(Notice("warning", text))
            return
        now = self.now()
        record = Record(seen.keys, layer, self.name, step.title, created, now, now, seen.told)
        self.cache.keep(self.number, record)

    def _is_untouched(self, step: Step, seen: _Seen) -> bool:
        try:
            return self._touched(step) == seen.touched
        except (CiBuilderError, OSError):
            return False  # they are gone, or may not be read any more

    def _takes_part(self, step: Step) -> bool:
        return self.cache.is_used and self.kinds.takes(step)

    def _note(self, step: Step) -> None:
        """Remember how the step's files are before it is done."""
        with contextlib.suppress(CiBuilderError, OSError):
            self._seen[id(step)] = _Seen((), (), self._touched(step))

    def _look_up(self, step: Step, image: Image, sources: Sources) -> Record | None:
        if not self._takes_part(step):
            return None
        below = image.config.diff_ids
        try:
            known = self._seen.get(id(step))
            before = known.on(below) if known else _Seen((), (), self._touched(step), below)
            key, told = self._key(step, image, sources)
        except (CiBuilderError, OSError):
            return None  # the step itself will say what is wrong, and where
        keys = tuple(dict.fromkeys((*before.keys, key)))
        self._seen[id(step)] = replace(before, keys=keys, told=before.told or told)
        if not self.reads or any(map(sources.is_forced, step.origins)):
            return None
        return self.cache.find([key])

    def copies_what_is_forced(self, step: Step) -> bool:
        """Whether it takes files of a stage that is built anew."""
        return any(map(self.sources.is_forced, step.origins))

    def _key(self, step: Step, image: Image, sources: Sources) -> tuple[Key, Told]:
        telling = Telling()
        maker = KeyMaker()
        for item in self._inputs(step, image, sources):
            maker.add(item)
            telling.add(item)
        return maker.key(), telling.told()

    def _inputs(self, step: Step, image: Image, sources: Sources) -> Iterator[Input]:
        if step.linked:
            yield from inputs_of_form(image, self.made)
        else:
            yield from inputs_of_stage(image, self.base_layers, self.made)
        yield from inputs_of_step(step, sources)

    def _touched(self, step: Step) -> Key:
        """What the kernel says of the files that the step takes from outside of images."""
        maker = KeyMaker()
        for item in inputs_of_step(step, replace(self.sources, quick=True)):
            maker.add(item)
        return maker.key()
