"""A whole build: from a Request to a Result, one stage after another."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from ci_builder.build.bases import Bases, NamedContexts
from ci_builder.build.clones import Cloning, clone_all
from ci_builder.build.copy.source import CopySource
from ci_builder.build.copy_sources import CopySources
from ci_builder.build.creation_time import fixed_time
from ci_builder.build.elsewhere import places
from ci_builder.build.evaluate import begin, begin_from_stage, finish
from ci_builder.build.fetch import Fetcher
from ci_builder.build.origins import FromContext, FromStage, Origin
from ci_builder.build.permitted import host_platform, refuse_what_is_not_built_yet, target_platform
from ci_builder.build.plan import Plan, PlannedStage, PlanOptions, plan
from ci_builder.build.product import Built, finished_image, report, write_product
from ci_builder.build.sessions import http_sessions
from ci_builder.build.stage import StageTools, StageWork, build_stage, evaluate_stage
from ci_builder.build.surroundings import Surroundings
from ci_builder.context.context import Context, Place
from ci_builder.context.dockerfile import read_dockerfile
from ci_builder.context.opening import open_context
from ci_builder.dockerfile.dockerfile import Dockerfile, parse
from ci_builder.dockerfile.instructions import Copy, Instruction, Run
from ci_builder.dockerfile.instructions.from_ import From
from ci_builder.errors import (
    ContextError,
    DockerfileError,
    ImageError,
    OutputError,
    RegistryError,
    Unsupported,
)
from ci_builder.executors.choose import Choice, choose
from ci_builder.executors.chroot import ChrootExecutor
from ci_builder.executors.executable_folder import Elsewhere
from ci_builder.executors.in_place import InPlaceExecutor
from ci_builder.executors.interface import Executor
from ci_builder.executors.namespace import NamespaceExecutor
from ci_builder.executors.none import NoneExecutor
from ci_builder.executors.private_folder import private_folder
from ci_builder.executors.ptrace import PtraceExecutor
from ci_builder.oci.image import Image
from ci_builder.oci.reference import Reference
from ci_builder.outputs.choose import choose_outputs, extra_names
from ci_builder.outputs.interface import Output
from ci_builder.progress import Notice
from ci_builder.registry.client import Registry
from ci_builder.registry.credentials import load
from ci_builder.request import Request, Result


def build(request: Request, surroundings: Surroundings) -> Result:
    """Build what ``request`` asks for and write it to its outputs.

    Everything that can be wrong is looked for before the first instruction runs: names, the Dockerfile,
    outputs, permission to push, bases. Raises CiBuilderError; whatever happens, the build's private
    folder is removed.
    """
    started = time.monotonic()
    references = tuple(Reference.parse(name) for name in (*request.tags, *extra_names(request)))
    with private_folder(surroundings.temporary) as folder, contextlib.ExitStack() as stack:
        job = _prepare(request, surroundings, folder, stack)
        _check_outputs(job.outputs, references)
        planned = _plan_with_triggers(job)
        works = _evaluate(job, planned)
        choice = _choose(job, planned, stack)
        fetcher = _fetcher(job, works)
        choice.executor.enter()
        image, base_layers = _build_stages(job, planned, works, (choice.executor, fetcher))
        product = Built(image.with_annotations(request.annotations), references, choice, base_layers)
        written = write_product(product, job.outputs)
    return report(product, written, time.monotonic() - started)


def _check_outputs(outputs: list[Output], references: tuple[Reference, ...]) -> None:
    try:
        for output in outputs:
            output.check(references)
    except OSError as error:
        raise OutputError(f"cannot write the output: {error.strerror}: {error.filename}") from error


@dataclass(frozen=True, slots=True)
class _Job:
    request: Request
    surroundings: Surroundings
    folder: Path
    dockerfile: Dockerfile
    context: Context
    place: Place
    bases: Bases
    outputs: list[Output]

    @property
    def blobs(self) -> Path:
        """Where pulled and new blobs are kept, as ALGORITHM/HEX."""
        return self.folder / "blobs"


def _prepare(request: Request, surroundings: Surroundings, folder: Path, stack: contextlib.ExitStack) -> _Job:
    """Read what is to be built; no network but what a remote context needs."""
    refuse_what_is_not_built_yet(request)
    fixed_time(request, surroundings.environment)
    named = NamedContexts.parse(request.build_contexts)
    environment = surroundings.environment
    sessions = stack.enter_context(http_sessions(request.registry, environment))
    (folder / "contexts").mkdir()
    place = Place(Path.cwd(), folder / "contexts", surroundings.stdin, sessions, environment)
    try:
        context = open_context(request.context, request.context_sub_path, place)
        source, context = read_dockerfile(request.dockerfile, context, place)
        context = _without(context, folder)
    except OSError as error:
        raise ContextError(f"the build context cannot be read: {error.strerror}: {error.filename}") from error
    dockerfile = parse(source)
    credentials = load(environment, request.logins)
    (folder / "blobs" / "sha256").mkdir(parents=True)
    registry = stack.enter_context(
        Registry(credentials, request.registry, environment, surroundings.progress, folder / "blobs")
    )
    outputs = choose_outputs(request, registry, surroundings.home / "store", surroundings.stdout)
    bases = Bases(registry, named, target_platform(request))
    return _Job(request, surroundings, folder, dockerfile, context, place, bases, outputs)


def _without(context: Context, folder: Path) -> Context:
    """A context never holds the build's own folder, wherever people want that to be."""
    own = folder.resolve()
    if not own.is_relative_to(context.root):
        return context
    return replace(context, ignore=context.ignore.without(str(own.relative_to(context.root))))


def _plan_with_triggers(job: _Job) -> Plan:
    """The plan, made again as long as the bases that it needs bring new ONBUILD triggers."""
    triggers: dict[int, tuple[str, ...]] = {}
    while True:
        planned = plan(job.dockerfile, _options(job, triggers))
        found = {
            stage.index: image.config.run.onbuild
            for stage in planned.stages
            if not isinstance(stage.base, FromStage)
            and not _is_folder(job, stage.base)
            and (image := _base_image(job, stage)).config.run.onbuild
        }
        if found == triggers:
            break
        triggers = found
    for stage in planned.stages:
        _find_images_to_copy_from(job, stage)
    for name in planned.unused_args:
        text = f"the build argument {name} is not used in the Dockerfile"
        job.surroundings.progress(Notice("warning", text))
    return planned


def _is_folder(job: _Job, origin: Origin) -> bool:
    return isinstance(origin, FromContext) and origin.name in job.bases.named.files


def _options(job: _Job, triggers: Mapping[int, tuple[str, ...]]) -> PlanOptions:
    request = job.request
    return PlanOptions(
        target_platform=job.bases.platform,
        build_platform=host_platform(),
        target=request.target,
        build_args=request.build_args,
        contexts=job.bases.named.names,
        onbuild=triggers,
    )


def _choose(job: _Job, planned: Plan, stack: contextlib.ExitStack) -> Choice:
    needs_run = any(isinstance(item, Run) for stage in planned.stages for item in stage.instructions)
    contexts = [job.context.root, *(Path(text) for text in job.bases.named.files.values())]
    others = places((*job.surroundings.elsewhere, job.context.root.parent), contexts)
    kept = [job.folder, job.surroundings.home, *_existing_outputs(job.request)]
    progress = job.surroundings.progress
    states = [job.folder / name for name in ("none", "namespace", "in-place", "ptrace", "chroot")]
    for state in states:
        state.mkdir(mode=0o700)
    executors = (
        NoneExecutor(states[0], progress),
        NamespaceExecutor(states[1], progress),
        InPlaceExecutor(
            states[2],
            progress,
            kept=kept,
            secrets=job.surroundings.secret_files,
            contexts=[folder for folder in contexts if folder.is_dir()],
            disposable=job.request.disposable,
        ),
        PtraceExecutor(states[3], progress, Elsewhere(others, stack)),
        ChrootExecutor(states[4], progress),
    )
    choice = choose(job.request.isolation, needs_run, executors)
    progress(Notice("info", f"executor: {choice.reason}"))
    return choice


def _evaluate(job: _Job, planned: Plan) -> dict[int, StageWork]:
    """Every stage's steps, before anything is done. Raises DockerfileError."""
    works: dict[int, StageWork] = {}
    for stage in planned.stages:
        if isinstance(stage.base, FromStage):
            state = begin_from_stage(works[stage.base.index].state)
        else:
            state = begin(_base_image(job, stage).config, planned.settings)
        works[stage.index] = evaluate_stage(stage.name, state, stage.instructions)
    return works


def _existing_outputs(request: Request) -> list[Path]:
    """What is there already under the names of the outputs; their folders are made anew when needed."""
    named = [Path(spec.dest).absolute() for spec in request.outputs if spec.dest not in ("", "-")]
    return [path for path in named if path.exists()]


def _fetcher(job: _Job, works: dict[int, StageWork]) -> Fetcher:
    """What ADD downloads with; repositories are cloned now. Raises DockerfileError."""
    steps = (step for work in works.values() for step in work.steps)
    request = job.request
    progress = job.surroundings.progress
    cloning = Cloning(job.folder / "clones", request.secrets, bool(request.ssh), progress)
    clones = clone_all(steps, job.dockerfile.source, cloning)
    (job.folder / "downloads").mkdir()
    return Fetcher(job.place.sessions, job.folder / "downloads", clones)


def _build_stages(
    job: _Job, planned: Plan, works: dict[int, StageWork], means: tuple[Executor, Fetcher]
) -> tuple[Image, int]:
    """Build every stage in order; the target's image with the labels of the Request, and how many of its
    layers came with its base."""
    executor, fetcher = means
    sources = CopySources(job.context, job.place, executor, job.bases)
    base_layers: dict[int, int] = {}
    for stage in planned.stages:
        if isinstance(stage.base, FromStage):
            base = sources.stages[stage.base.index]
            base_layers[stage.index] = base_layers[stage.base.index]
        else:
            base = _base_image(job, stage)
            base_layers[stage.index] = len(base.layers)
        tools = StageTools(
            executor=executor,
            source=partial(_source, sources, stage),
            fetcher=fetcher,
            blobs=job.blobs / "sha256",
            progress=job.surroundings.progress,
            dockerfile=job.dockerfile.source,
            created=fixed_time(job.request, job.surroundings.environment),
        )
        sources.stages[stage.index] = build_stage(works[stage.index], base, tools)
    target = planned.target.index
    state = finish(works[target].state, job.request.labels)
    return finished_image(sources.stages[target], state), base_layers[target]


def _source(
    sources: CopySources, stage: PlannedStage, text: str
) -> contextlib.AbstractContextManager[CopySource]:
    return sources.open(stage.origin(text) if text else None)


def _base_image(job: _Job, stage: PlannedStage) -> Image:
    """The image that a stage begins with, when that is no other stage."""
    if _is_folder(job, stage.base):
        raise Unsupported(
            f"FROM {stage.stage.base.base}: a build context that is a folder cannot be a base",
            hint="give it as docker-image://REFERENCE or oci-layout://FOLDER[:TAG]",
        )
    with _at(job, stage.stage.base):
        return job.bases.image(stage.base, stage.platform)


def _find_images_to_copy_from(job: _Job, stage: PlannedStage) -> None:
    """Ask for the images that COPY --from names before anything is built."""
    origins = dict(stage.origins)
    for instruction in stage.instructions:
        origin = origins.get(instruction.origin) if isinstance(instruction, Copy) else None
        if origin is None or isinstance(origin, FromStage) or _is_folder(job, origin):
            continue
        with _at(job, instruction):
            job.bases.image(origin)


@contextlib.contextmanager
def _at(job: _Job, instruction: From | Instruction) -> Iterator[None]:
    """Errors about an image get the place in the Dockerfile that names it."""
    try:
        yield
    except (RegistryError, ImageError) as error:
        hint = error.hint or "an unknown name is taken for an image of that registry: is it spelt right?"
        span = instruction.line.span
        raise DockerfileError(str(error), source=job.dockerfile.source, span=span, hint=hint) from error
