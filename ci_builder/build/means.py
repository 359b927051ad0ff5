"""What the stages of a build are made with: an executor, downloads and clones, mounts."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from ci_builder.build.clones import Cloning, clone_all
from ci_builder.build.elsewhere import places
from ci_builder.build.fetch import Fetcher
from ci_builder.build.job import Job
from ci_builder.build.mounts.caches import Caches
from ci_builder.build.mounts.prepare import MountSources
from ci_builder.build.special_args import CACHE_NAMESPACE
from ci_builder.build.stage import StageWork
from ci_builder.executors.choose import Choice, choose
from ci_builder.executors.chroot import ChrootExecutor
from ci_builder.executors.executable_folder import Elsewhere
from ci_builder.executors.in_place import InPlaceExecutor
from ci_builder.executors.interface import Executor
from ci_builder.executors.namespace import NamespaceExecutor
from ci_builder.executors.none import NoneExecutor
from ci_builder.executors.ptrace import PtraceExecutor
from ci_builder.progress import Notice
from ci_builder.request import Request


def choose_executor(job: Job, needs_run: bool, stack: contextlib.ExitStack) -> Choice:
    """The executor; ``needs_run``: a command has to be run. Raises UsageError, NoExecutor."""
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
    folder.mkdir(mode=0o711)
    progress = job.surroundings.progress

    def waiting(name: str) -> None:
        progress(Notice("info", f"waiting for another build to be done with the cache {name}"))

    # Where nothing can be mounted, a cache is moved to where it is to be seen.
    alone = executor.name in ("in-place", "chroot")
    namespace = dict(job.request.build_args).get(CACHE_NAMESPACE, "")
    caches = Caches(job.surroundings.home / "cache-mounts", namespace, alone, waiting)

    def unlimited() -> None:
        text = f"the executor {executor.name} cannot limit a tmpfs: it has as much room as the disk"
        progress(Notice("warning", text))

    keeps_sizes = executor.name == "namespace"
    return MountSources(folder, caches, None if keeps_sizes else unlimited, job.secrets, job.agents)
