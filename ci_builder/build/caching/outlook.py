"""What becomes of the steps of a stage, told before anything is built, and for those that are missed why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from ci_builder.build.action import Step
from ci_builder.build.caching.inputs import OF_ANOTHER_IMAGE, OF_ANOTHER_STAGE, OF_THE_STAGE
from ci_builder.build.caching.stage_cache import ITS_LAYER_IS_GONE, OF_WHAT_IS_FORCED, StageCache
from ci_builder.cache.explain import Difference, compare
from ci_builder.cache.record import Record
from ci_builder.cache.records import Records
from ci_builder.cache.told import changed
from ci_builder.errors import CiBuilderError
from ci_builder.oci.image import Image
from ci_builder.values import dataclass, replace

HIT, OPEN = "hit", "open"
_BY_CONTENT = frozenset({OF_ANOTHER_STAGE, OF_ANOTHER_IMAGE})
_IF_THE_SAME = "it is found if the files are the same still"
_MAY_BE_THE_SAME = f"what it copies from is another one; {_IF_THE_SAME}"
_AS_BEFORE = "its own inputs are as before; it is found if what is below turns out as before, too"


@dataclass(frozen=True, slots=True)
class Outlook:
    """``hit``: found, by ``record``. ``missed``: to be done, ``open``: to be done unless what is built before
    it turns out as it was; then ``record`` is the entry that it was compared with, None: there is none, and
    ``inputs`` what is different (name, ``changed``, ``added`` or ``removed``)."""

    step: Step
    status: Literal["hit", "missed", "open"]
    record: Record | None = None
    inputs: tuple[tuple[str, str], ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Below:
    """``image`` is what a stage stands on, its layers that were found included, None: it has to be built
    first. ``form`` is any image of the stage's platform."""

    image: Image | None
    form: Image


def outlooks(
    cache: StageCache, steps: Sequence[Step], found: Sequence[Record], below: Below, earlier: Records
) -> Iterator[Outlook]:
    """One for each of the ``steps`` that touch files; the first ones were ``found``; ``earlier`` is all that
    the caches have."""
    for step, record in zip(steps, found, strict=False):
        yield Outlook(step, "hit", record)
    image = below.image
    for step in steps[len(found) :]:
        yield _outlook(cache, step, replace(below, image=image), earlier)
        image = None


def _outlook(cache: StageCache, step: Step, below: Below, earlier: Records) -> Outlook:
    if not cache.reads:
        return Outlook(step, "missed", reason="it is asked to be built anew")
    if not cache.kinds.takes(step):
        return Outlook(step, "missed", reason="instructions of its kind take no part in the cache")
    if cache.is_gone(step):
        return Outlook(step, "missed", reason=ITS_LAYER_IS_GONE)
    if not len(earlier) and not len(cache.cache.gone):
        unread = "the cache could not be read" if cache.cache.unread else "there is nothing in the cache"
        return Outlook(step, "missed", reason=unread)
    try:
        if step.linked and (record := cache.known(step, below.form)) is not None:
            return Outlook(step, "hit", record)
        return _compared(cache, step, below, earlier)
    except (CiBuilderError, OSError) as error:
        return Outlook(step, "missed", reason=f"it will fail: {error}")


def _compared(cache: StageCache, step: Step, below: Below, earlier: Records) -> Outlook:
    image = below.form if step.linked else below.image
    told = cache.told(step, image)
    lost = compare(_said(cache.cache.gone, image), cache.name, step.title, told)
    found = compare(_said(earlier, image), cache.name, step.title, told)
    if lost.record is not None and not lost.inputs and (found.record is None or found.inputs):
        return Outlook(step, "missed", lost.record, reason=ITS_LAYER_IS_GONE)
    inputs = found.inputs
    if found.record is not None and found.record.title != step.title:
        inputs += tuple(changed(found.record.inputs, told))
    if found.record is not None and not inputs and image is None:
        return Outlook(step, "open", found.record, reason=_AS_BEFORE)
    if found.record is not None and not inputs and cache.copies_what_is_forced(step):
        return Outlook(step, "open", found.record, reason=f"{OF_WHAT_IS_FORCED}; {_IF_THE_SAME}")
    if inputs and {name for name, _ in inputs} <= _BY_CONTENT:
        return Outlook(step, "open", found.record, inputs, _MAY_BE_THE_SAME)
    return Outlook(step, "missed", found.record, inputs, Difference(found.record, found.inputs).reason)


def _said(records: Records, image: Image | None) -> Records:
    """What can be compared where nobody knows the ``image`` below."""
    return records if image is not None else Records(tuple(_alone(record) for record in records))


def _alone(record: Record) -> Record:
    """Without what it did not say itself."""
    own = tuple((name, digits) for name, digits in record.inputs if name not in OF_THE_STAGE)
    return replace(record, inputs=own)
