"""What the layer of a step depends on (issue 5, "Keys"): everything that its actions say, and the files that
they take. Times of files, the names of stages and the proxies of this job do not matter."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from ci_builder.build.action import Action, Clone, CopyFiles, Fetch, RunCommand, Step
from ci_builder.build.caching.files import Taken, inputs_of_found, inputs_of_sources
from ci_builder.build.copy.selection import EVERYTHING, Selection
from ci_builder.build.copy.source import CopySource, find
from ci_builder.build.fetch import Fetcher
from ci_builder.build.mounts.prepare import bind_pattern
from ci_builder.cache.inputs import LAYERS_BELOW, Input, frame
from ci_builder.dockerfile.instructions.run_mount import RunMount
from ci_builder.oci.image import Image
from ci_builder.outputs.variants import Made
from ci_builder.values import dataclass, fields, replace

OF_ANOTHER_STAGE, OF_ANOTHER_IMAGE = "files of another stage", "files of another image"
"""What stands for files that are told by what they come from; the files themselves may be the same still."""

OF_THE_STAGE = frozenset({"base", LAYERS_BELOW, "platform", "compression", "times of files"})
"""The names of what a step does not say itself."""


def _always(_: str) -> bool:
    return True


def _never(_: str) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Sources:
    """Where a step's files come from. ``identity`` says what a stage or an image behind ``--from`` is without
    opening it, None where the files themselves have to tell; ``open`` opens it. ``is_true`` tells whether
    what ``identity`` said still holds, ``is_forced`` whether nothing may be found by it. ``quick``: see
    Taken."""

    open: Callable[[str], contextlib.AbstractContextManager[CopySource]]
    identity: Callable[[str], Input | None]
    fetcher: Fetcher
    is_true: Callable[[str], bool] = _always
    is_forced: Callable[[str], bool] = _never
    quick: bool = False

    def by_content(self) -> Sources:
        """The same, where everything is told by its files."""
        return replace(self, identity=lambda _: None, is_forced=_never)


def inputs_of_stage(image: Image, base_layers: int, made: Made) -> tuple[Input, ...]:
    """What a step that is not linked stands on: the layers below by their diff IDs, and how its own is
    written. What the base's config says is in the steps that it matters to."""
    layers = tuple(str(layer.diff_id) for layer in image.layers)
    return (
        Input("base", frame(layers[:base_layers])),
        Input(LAYERS_BELOW, frame(layers[base_layers:])),
        *inputs_of_form(image, made),
    )


def inputs_of_form(image: Image, made: Made) -> tuple[Input, ...]:
    """How a layer is written."""
    return (
        Input("platform", frame(image.config.platform)),
        Input("compression", frame(made.compression)),
        Input("times of files", frame(made.times)),
    )


def inputs_of_step(step: Step, sources: Sources) -> Iterator[Input]:
    """What the instruction itself says and takes. Raises CiBuilderError for files that are not there,
    OSError."""
    yield Input("linked", frame(step.linked))
    for number, action in enumerate(step.actions):
        yield Input(f"action {number}", frame(type(action).__name__))
        yield from _inputs(action, sources)


def foreign(step: Step, sources: Sources) -> bool:
    """Whether the step takes files of what can also be told by its identity."""
    return any(sources.identity(name) is not None for name in step.origins)


def _inputs(action: Action, sources: Sources) -> Iterator[Input]:
    if isinstance(action, RunCommand):
        return _of_command(action, sources)
    if isinstance(action, CopyFiles):
        return _of_copy(action, sources)
    if isinstance(action, Fetch):
        return _of_fetch(action, sources)
    if isinstance(action, Clone):
        return _of_clone(action, sources)
    return _fields(action)


def _fields(action: Action | RunMount, without: tuple[str, ...] = (), prefix: str = "") -> Iterator[Input]:
    """Every field, so that one that is added some day is part of the key."""
    for item in fields(action):
        if item.name not in without:
            yield Input(f"{prefix}{item.name}", frame(getattr(action, item.name)))


def _of_command(action: RunCommand, sources: Sources) -> Iterator[Input]:
    """A proxy of the job does not matter unless the Dockerfile declares it (Dockerfile reference, "Predefined
    ARGs"), nor how long the command may take."""
    yield from _fields(action, ("env", "mounts", "seconds", "proxies"))
    for name, value in action.env:
        yield Input(f"variable {name}", frame((name, value)))
    for number, mount in enumerate(action.mounts):
        yield Input(f"mount {number}", frame(mount.kind))
        yield from _of_mount(mount, sources, f"mount {number} ")


def _of_mount(mount: RunMount, sources: Sources, prefix: str) -> Iterator[Input]:
    """Contents of secrets and caches and what an agent holds are not part of a key (Dockerfile reference,
    "RUN --mount")."""
    yield from _fields(mount, ("origin",), prefix)
    if mount.kind != "bind" and not mount.origin:
        return
    known = sources.identity(mount.origin) if mount.origin else None
    if known is not None:
        yield known
        return
    with sources.open(mount.origin) as origin:
        for found in find(origin, bind_pattern(mount)):
            status = origin.tree.ownership.status(found.status)
            owners = (status.uid, status.gid) if origin.keeps_owners else None
            yield Input(f"{prefix}root", frame((origin.mode(found.path, status.mode), owners)))
            taken = Taken(attributes=True, quick=sources.quick)
            yield from inputs_of_found(origin, found, EVERYTHING, taken, prefix)


def _of_copy(action: CopyFiles, sources: Sources) -> Iterator[Input]:
    yield from _fields(action, ("origin",))
    if not action.sources:
        return
    known = sources.identity(action.origin) if action.origin else None
    if known is not None:
        yield known
        return
    below = action.parents or ("",) * len(action.sources)
    selections = tuple(Selection.of(action.excludes, wanted) for wanted in below)
    with sources.open(action.origin) as origin:
        yield Input("keeps owners", frame(origin.keeps_owners))
        yield from inputs_of_sources(origin, action.sources, selections, _taken(action, sources))


def _taken(action: CopyFiles | Clone, sources: Sources) -> Taken:
    """--chown and an octal --chmod leave nothing of what the files had."""
    return Taken(owners=not action.owner, permissions=not action.mode.isdigit(), quick=sources.quick)


def _of_fetch(action: Fetch, sources: Sources) -> Iterator[Input]:
    yield from _fields(action)
    if not action.checksum:
        yield Input("content of the URL", frame(sources.fetcher.content_of(action.url)))


def _of_clone(action: Clone, sources: Sources) -> Iterator[Input]:
    yield from _fields(action)
    origin = sources.fetcher.cloned(action.repository)
    # What git keeps for itself holds times; the commit says all of it.
    selection = Selection.of((*action.excludes, ".git"))
    yield from inputs_of_sources(origin, (".",), (selection,), _taken(action, sources))
    if action.repository.keep_git:
        yield from inputs_of_sources(origin, (".git/HEAD",), (EVERYTHING,))
