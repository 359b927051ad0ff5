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
from ci_builder.build.creation_time import check_time, creation_time, timestamp
from ci_builder.build.elsewhere import places
from ci_builder.build.evaluate import begin, begin_from_stage, finish
from ci_builder.build.fetch import Fetcher
from ci_builder.build.mounts.agents import Agents
from ci_builder.build.mounts.caches import Caches
from ci_builder.build.mounts.prepare import MountSources
from ci_builder.build.mounts.secrets import SecretValues
from ci_builder.build.origins import FromContext, FromStage, Origin, named_origins
from ci_builder.build.permitted import host_platform, refuse_what_is_not_built_yet, target_platform
from ci_builder.build.plan import Plan, PlannedStage, PlanOptions, plan
from ci_builder.build.product import Built, finished_image, report, write_product
from ci_builder.build.sessions import http_sessions
from ci_builder.build.stage import StageTools, StageWork, build_stage, evaluate_stage
from ci_builder.build.surroundings import Surroundings
from ci_builder.build.targets import how_stages_are_made, targets_of
from ci_builder.context.context import Context, Place
from ci_builder.context.dockerfile import read_dockerfile
from ci_builder.context.opening import open_context
from ci_builder.dockerfile.dockerfile import Dockerfile, parse
from ci_builder.dockerfile.instructions import Instruction, Run
from ci_builder.dockerfile.instructions.from_ import From
from ci_builder.errors import (
    ContextError,
    DockerfileError,
    ImageError,
    OutputError,
    RegistryError,
    Unsupported,
    UsageError,
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
from ci_builder.outputs.choose import Places, Wanted, choose_outputs, options_for
from ci_builder.outputs.variants import Source, Variants
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
    with private_folder(surroundings.temporary) as folder, contextlib.ExitStack() as stack:
        job = _prepare(request, surroundings, folder, stack)
        _check_outputs(job.outputs)
        planned = _plan_with_triggers(job)
        works = _evaluate(job, planned)
        choice = _choose(job, planned, stack)
        fetcher = _fetcher(job, works)
        choice.executor.enter()
        sources = _build_stages(job, planned, works, (choice.executor, fetcher))
        variants = Variants(job.blobs / "sha256", job.epoch)
        delivered = write_product(Built(sources, choice, variants), job.outputs)
    return report(choice, delivered, time.monotonic() - started)


def _check_outputs(outputs: tuple[Wanted, ...]) -> None:
    try:
        for item in outputs:
            item.output.check(item.references)
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
    outputs: tuple[Wanted, ...]
    epoch: int | None
    secrets: SecretValues
    agents: Agents

    @property
    def targets(self) -> tuple[str, ...]:
        """The names of the stages that are asked for, the first one first."""
        return targets_of(self.request, self.outputs)

    @property
    def blobs(self) -> Path:
        """Where pulled and new blobs are kept, as ALGORITHM/HEX."""
        return self.folder / "blobs"


def _prepare(request: Request, surroundings: Surroundings, folder: Path, stack: contextlib.ExitStack) -> _Job:
    """Read what is to be built; no network but what a remote context needs."""
    refuse_what_is_not_built_yet(request)
    check_time(request, surroundings.environment)
    platform = target_platform(request)
    registry_options = options_for(request)
    secrets = SecretValues.read(request.secrets)
    agents = Agents.find(request.ssh, surroundings.environment.get("SSH_AUTH_SOCK", ""))
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
    created = creation_time(request, environment, dockerfile, context, surroundings.progress)
    credentials = load(environment, request.logins)
    (folder / "blobs" / "sha256").mkdir(parents=True)
    registry = stack.enter_context(
        Registry(
            credentials,
            registry_options,
            environment,
            surroundings.progress,
            folder / "blobs",
        )
    )
    places = Places(registry, surroundings.home / "store", surroundings.stdout)
    outputs = choose_outputs(request, platform, places)
    if created.epoch is None and any(item.form is not None and item.form.rewrite for item in outputs):
        raise UsageError("rewrite-timestamp=true needs a time", hint="set SOURCE_DATE_EPOCH")
    bases = Bases(registry, named, platform)
    return _Job(
        created.request,
        surroundings,
        folder,
        dockerfile,
        context,
        place,
        bases,
        outputs,
        created.epoch,
        secrets,
        agents,
    )


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
        target=job.targets[0],
        others=job.targets[1:],
        build_args=request.build_args,
        contexts=job.bases.named.names,
        onbuild=triggers,
    )


def _choose(job: _Job, planned: Plan, stack: contextlib.ExitStack) -> Choice:
    needs_run = any(isinstance(item, Run) for stage in planned.stages for item in stage.instructions)
    contexts = [job.context.root, *(Path(text) for text in job.bases.named.files.values())]
    others = places((*job.surroundings.elsewhere, job.context.root.parent), contexts)
    sockets = job.agents.sockets.values()
    kept = [job.folder, job.surroundings.home, *_existing_outputs(job.request), *sockets]
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
    cloning = Cloning(job.folder / "clones", job.request.secrets, job.surroundings.progress)
    clones = clone_all(steps, job.dockerfile.source, cloning)
    (job.folder / "downloads").mkdir()
    return Fetcher(job.place.sessions, job.folder / "downloads", clones)


def _build_stages(
    job: _Job, planned: Plan, works: dict[int, StageWork], means: tuple[Executor, Fetcher]
) -> dict[str, Source]:
    """Build every stage in order; each target's image by its name in the Request, with its labels."""
    executor, fetcher = means
    sources = CopySources(job.context, job.place, executor, job.bases)
    mounts = _mount_sources(job, executor)
    base_layers: dict[int, int] = {}
    own_layers: dict[int, int] = {}
    made = how_stages_are_made(planned, job.targets, job.outputs, job.epoch)
    for stage in planned.stages:
        if isinstance(stage.base, FromStage):
            base = sources.stages[stage.base.index]
            base_layers[stage.index] = base_layers[stage.base.index]
        else:
            base = _base_image(job, stage)
            base_layers[stage.index] = len(base.layers)
        own_layers[stage.index] = len(base.layers)
        tools = StageTools(
            executor=executor,
            source=partial(_source, sources, stage),
            fetcher=fetcher,
            mounts=mounts,
            blobs=job.blobs / "sha256",
            progress=job.surroundings.progress,
            dockerfile=job.dockerfile.source,
            created=timestamp(job.epoch),
            made=made[stage.index],
        )
        sources.stages[stage.index] = build_stage(works[stage.index], base, tools)
    found = {}
    for text, index in zip(job.targets, planned.targets, strict=True):
        image = finished_image(sources.stages[index], finish(works[index].state, job.request.labels))
        found[text] = Source(image, base_layers[index], own_layers[index], made[index])
    return {**found, "": found[job.targets[0]]}


def _mount_sources(job: _Job, executor: Executor) -> MountSources:
    folder = job.folder / "mounts"
    folder.mkdir(mode=0o711)
    progress = job.surroundings.progress

    def waiting(name: str) -> None:
        progress(Notice("info", f"waiting for another build to be done with the cache {name}"))

    # Where nothing can be mounted, a cache is moved to where it is to be seen.
    alone = executor.name in ("in-place", "chroot")
    namespace = dict(job.request.build_args).get("BUILDKIT_CACHE_MOUNT_NS", "")
    caches = Caches(job.surroundings.home / "cache-mounts", namespace, alone, waiting)
    return MountSources(folder, caches, job.secrets, job.agents)


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
        for name in named_origins(instruction):
            origin = origins[name]
            if not isinstance(origin, FromStage) and not _is_folder(job, origin):
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
