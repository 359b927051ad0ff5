"""What the stages of a build are made with: an executor, downloads and clones, mounts."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ci_builder.build.action import Fetch
from ci_builder.build.ahead import Ahead
from ci_builder.build.background import Background
from ci_builder.build.caching.options import folders_of, written_folders_of
from ci_builder.build.clones import Cloning, clone_all
from ci_builder.build.elsewhere import places
from ci_builder.build.fetch import Fetcher
from ci_builder.build.job import Job
from ci_builder.build.mounts.caches import Caches
from ci_builder.build.mounts.kept import NOT_KEPT, Kept, KeptCaches
from ci_builder.build.mounts.prepare import MountSources
from ci_builder.build.plan import Plan
from ci_builder.build.settle import settle
from ci_builder.build.special_args import CACHE_NAMESPACE
from ci_builder.build.stage import StageWork
from ci_builder.dockerfile.instructions.run import Run
from ci_builder.executors.choose import Choice, choose
from ci_builder.executors.interface import Executor
from ci_builder.executors.isolations import AUTO, AVAILABLE, is_wanted
from ci_builder.progress import Notice
from ci_builder.request import Request
from ci_builder.values import dataclass

if TYPE_CHECKING:
    from ci_builder.executors.namespace import NamespaceExecutor


def begin_trial(job: Job, planned: Plan, stack: contextlib.ExitStack) -> NamespaceExecutor | None:
    """The first executor that will be tried, where one surely will: that goes on while the bases are asked
    for. ``planned`` may lack triggers. This process must have one thread."""
    runs = any(isinstance(item, Run) for stage in planned.stages for item in stage.instructions)
    looks = job.caching.sources and not job.request.no_cache
    if not runs or looks or not is_wanted("namespace", job.request.isolation or AUTO):
        return None
    from ci_builder.executors.namespace import NamespaceExecutor

    executor = NamespaceExecutor(_state(job, "namespace"), job.surroundings.progress)
    try:
        stack.callback(executor.begin_trial().rest)
    except OSError:
        return None  # no process is to be had now: it is tried, and told, when it is needed
    return executor


def choose_executor(
    job: Job, ahead: Ahead, fetches: bool, stack: contextlib.ExitStack, trying: NamespaceExecutor | None
) -> Choice:
    """The executor that the request asks for, or the best that works here. Where nothing is left to be made,
    none is tried: that takes as long as all the rest. ``fetches``: see settle; ``trying``: what
    ``begin_trial`` gave. Raises UsageError, NoExecutor."""
    progress = job.surroundings.progress
    isolation = (job.request.isolation or AUTO) if ahead.makes else "none"
    choice = choose(isolation, ahead.runs, _executors(job, isolation, stack, trying))
    progress(Notice("info", f"executor: {choice.reason}"))
    if choice.lacks and ahead.runs:
        text = f"the isolation {choice.executor.name} cannot do all that docker does: {choice.lacks}; "
        text += "so what this build makes is kept in no cache"
        progress(Notice("warning", text))
    if choice.executor.name == "in-place":
        # Where these are in what will be the image, folders that are made later would be in a layer.
        job.surroundings.home.mkdir(parents=True, exist_ok=True)
        for folder in written_folders_of(job.request.cache):
            with contextlib.suppress(OSError):  # a cache never fails a build: who writes it tells
                folder.mkdir(parents=True, exist_ok=True)
        settle(job, fetches)
    return choice


def _state(job: Job, name: str) -> Path:
    """The folder of an executor."""
    folder = job.folder / name
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def _executors(
    job: Job, isolation: str, stack: contextlib.ExitStack, trying: NamespaceExecutor | None
) -> Iterator[Executor]:
    """Those that may be chosen, best first. Each is imported when those before it do not work: that takes
    long, and the first one or two are enough nearly everywhere."""
    contexts = [job.context.root, *(Path(text) for text in job.bases.named.files.values())]
    others = places((*job.surroundings.elsewhere, job.context.root.parent), contexts)
    sockets = job.agents.sockets.values()
    caches = folders_of(job.request.cache)
    kept = [job.folder, job.surroundings.home, *caches, *_existing_outputs(job.request), *sockets]
    progress = job.surroundings.progress
    states = {name: _state(job, name) for name in AVAILABLE}
    if is_wanted("none", isolation):
        from ci_builder.executors.none import NoneExecutor

        yield NoneExecutor(states["none"], progress)
    if is_wanted("namespace", isolation):
        from ci_builder.executors.namespace import NamespaceExecutor

        yield trying or NamespaceExecutor(states["namespace"], progress)
    if is_wanted("in-place", isolation):
        from ci_builder.executors.in_place import InPlaceExecutor

        yield InPlaceExecutor(
            states["in-place"],
            progress,
            kept=kept,
            secrets=job.surroundings.secret_files,
            contexts=[folder for folder in contexts if folder.is_dir()],
            disposable=job.request.disposable,
        )
    if is_wanted("ptrace", isolation):
        from ci_builder.executors.executable_folder import Elsewhere
        from ci_builder.executors.ptrace import PtraceExecutor

        yield PtraceExecutor(states["ptrace"], progress, Elsewhere(others, stack))
    if is_wanted("chroot", isolation):
        from ci_builder.executors.chroot import ChrootExecutor

        yield ChrootExecutor(states["chroot"], progress)


@dataclass(frozen=True, slots=True)
class Executors:
    """``full`` makes whole root file systems, ``skeletons`` what is enough for copying: the names of files
    (see NoneExecutor)."""

    full: Executor
    skeletons: Executor


@dataclass(frozen=True, slots=True)
class Ready:
    """What the stages of a build are made with. ``at_once``: how many at the same time. ``closing`` removes
    what nobody needs any more, beside what else is done. ``sharing`` is the executor where the stages share
    the bases that were unpacked."""

    choice: Choice
    executors: Executors
    mounts: MountSources
    at_once: int
    closing: Background
    sharing: NamespaceExecutor | None

    def leave(self) -> None:
        """No other stage will be made: what they share goes while the image is on its way."""
        if self.sharing is not None:
            self.closing.begin(partial(_leave, self.sharing))


def _leave(executor: NamespaceExecutor) -> None:
    # What stays is removed, or told, at the end of the build.
    with contextlib.suppress(OSError):
        executor.leave()


class Readiness:
    """Gets ready for what has to be done, and for more when it turns out to be more."""

    def __init__(
        self,
        job: Job,
        works: Mapping[int, StageWork],
        stack: contextlib.ExitStack,
        trying: NamespaceExecutor | None,
    ) -> None:
        self._job = job
        self._trying = trying
        actions = (action for work in works.values() for step in work.steps for action in step.actions)
        self._fetches = any(isinstance(action, Fetch) for action in actions)
        self._stack = stack
        self._ready: Ready | None = None
        self._closing = Background("closing", 1)

    def ready(self, ahead: Ahead) -> Ready:
        """Choose an executor and enter it; the one of before, when that will do. Raises UsageError,
        NoExecutor, ExecutorError."""
        before = self._ready
        if before is None or (ahead.runs and before.choice.executor.name == "none"):
            self._ready = self._get_ready(ahead, before)
        assert self._ready is not None
        return self._ready

    def rest(self) -> None:
        """Leave no thread behind, when what was begun is done."""
        self._closing.wait()
        self._closing.rest()

    def _get_ready(self, ahead: Ahead, before: Ready | None) -> Ready:
        job = self._job
        choice = choose_executor(job, ahead, self._fetches, self._stack, self._trying)
        choice.executor.enter()
        if ahead.runs:
            # With what it needs it takes some of a build's time that runs nothing.
            from ci_builder.executors.limits import check_limits

            check_limits(job.request.commands.limits)
        # Before the folders go that the executor was given, and before another build enters one.
        self._stack.callback(self.rest)
        skeletons = before.executors.skeletons if before else _skeletons(job, choice)
        executors = Executors(choice.executor, skeletons)
        mounts = mount_sources(job, choice.executor)
        at_once = stages_at_once(job.request, choice.executor)
        return Ready(choice, executors, mounts, at_once, self._closing, _sharing(choice))


def _sharing(choice: Choice) -> NamespaceExecutor | None:
    if choice.executor.name != "namespace":
        return None
    from ci_builder.executors.namespace import NamespaceExecutor

    return choice.executor if isinstance(choice.executor, NamespaceExecutor) else None


def _skeletons(job: Job, choice: Choice) -> Executor:
    """What stages without RUN are made with, whatever the others need."""
    if choice.executor.name == "none":
        return choice.executor
    from ci_builder.executors.none import NoneExecutor

    return NoneExecutor(job.folder / "none", job.surroundings.progress)


def _existing_outputs(request: Request) -> list[Path]:
    """What is there already under the names of the outputs; their folders are made anew when needed."""
    named = [Path(spec.dest).absolute() for spec in request.outputs if spec.dest not in ("", "-")]
    return [path for path in named if path.exists()]


def stages_at_once(request: Request, executor: Executor) -> int:
    """How many stages are built at the same time. Commands of a build wait for the network and the disk as
    much as they compute, so it is more than there are processors; in place there is one root for all."""
    if executor.name == "in-place":
        return 1
    return request.parallelism or max(4, 2 * len(os.sched_getaffinity(0)))


def fetcher_for(job: Job, works: dict[int, StageWork]) -> Fetcher:
    """What ADD downloads with; repositories are cloned now. Raises DockerfileError."""
    steps = (step for work in works.values() for step in work.steps)
    request, progress = job.request, job.surroundings.progress
    cloning = Cloning(job.folder / "clones", request.secrets, job.agents.sockets.get("default"), progress)
    clones = clone_all(steps, job.dockerfile.source, cloning)
    (job.folder / "downloads").mkdir()
    return Fetcher(job.place.sessions, job.folder / "downloads", clones)


def mount_sources(job: Job, executor: Executor) -> MountSources:
    folder = job.folder / "mounts"
    folder.mkdir(mode=0o711, exist_ok=True)
    progress = job.surroundings.progress

    def waiting(name: str) -> None:
        progress(Notice("info", f"waiting for another build to be done with the cache {name}"))

    # Where nothing can be mounted, a cache is moved to where it is to be seen.
    alone = executor.name in ("in-place", "chroot")
    namespace = dict(job.request.build_args).get(CACHE_NAMESPACE, "")

    def failed(text: str) -> None:
        progress(Notice("warning", text))

    folders, caching = job.surroundings.home / "cache-mounts", job.caching
    kept: Kept = NOT_KEPT
    if caching.mounts.sources or caching.mounts.targets:
        kept = KeptCaches(caching.mounts, job.blobs / "sha256", progress, caching.now)
    caches = Caches(folders, namespace, alone, waiting, kept, failed)
    return MountSources(folder, caches, job.secrets, job.agents)
