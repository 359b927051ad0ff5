"""A build that is under way: what everything else of it is done with."""

from __future__ import annotations

import time
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from ci_builder.build.bases import Bases
from ci_builder.build.caching.options import Caching, caching_for, check_stages_without, folders_of
from ci_builder.build.creation_time import creation_time
from ci_builder.build.mounts.agents import Agents
from ci_builder.build.mounts.secrets import SecretValues
from ci_builder.build.named_files import NamedFiles
from ci_builder.build.own_folders import without_own_folders
from ci_builder.build.reading import Reading, as_context_error
from ci_builder.build.surroundings import Surroundings
from ci_builder.build.targets import targets_of
from ci_builder.context.context import Context, Place
from ci_builder.dockerfile.dockerfile import Dockerfile, parse
from ci_builder.errors import UsageError
from ci_builder.outputs.choose import Places, Wanted, choose_outputs
from ci_builder.registry.client import Registry
from ci_builder.registry.credentials import load
from ci_builder.request import Request
from ci_builder.values import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """The request, where it is carried out, and what was read and opened for it. ``everything``: all stages
    are looked at, not only those that the targets need."""

    request: Request
    surroundings: Surroundings
    folder: Path
    dockerfile: Dockerfile
    context: Context
    place: Place
    named: NamedFiles
    bases: Bases
    outputs: tuple[Wanted, ...]
    epoch: int | None
    secrets: SecretValues
    agents: Agents
    caching: Caching
    everything: bool = False

    @property
    def targets(self) -> tuple[str, ...]:
        """The names of the stages that are asked for, the first one first."""
        return targets_of(self.request, self.outputs)

    @property
    def blobs(self) -> Path:
        """Where pulled and new blobs are kept, as ALGORITHM/HEX."""
        return self.folder / "blobs"


def prepare(reading: Reading) -> Job:
    """Understand what was read and open what it takes; no network. Raises CiBuilderError."""
    request, surroundings, folder = reading.request, reading.surroundings, reading.surroundings.folder
    environment, platform = surroundings.environment, reading.platform
    # The build's folder is the only thing in the one above it.
    cut = partial(without_own_folders, folder=folder.parent, caches=folders_of(request.cache))
    with as_context_error():
        context = cut(reading.context)
    dockerfile = parse(reading.source)
    check_stages_without(request.cache.without, dockerfile.stages)
    created = creation_time(request, environment, dockerfile, context, surroundings.progress)
    credentials = load(environment, request.logins)
    (folder / "blobs" / "sha256").mkdir(parents=True)
    registry = reading.stack.enter_context(
        Registry(
            credentials,
            reading.registry,
            environment,
            surroundings.progress,
            folder / "blobs",
        )
    )
    places = Places(registry, surroundings.home / "store", surroundings.stdout)
    outputs = choose_outputs(request, platform, places)
    if created.epoch is None and not created.asked and _rewrite_times(outputs):
        raise UsageError("rewrite-timestamp=true needs a time", hint="set SOURCE_DATE_EPOCH")
    bases = Bases(registry, reading.named, platform)
    caching = caching_for(created.request, outputs, platform, registry, lambda: int(time.time()))
    return Job(
        request=created.request,
        surroundings=surroundings,
        folder=folder,
        dockerfile=dockerfile,
        context=context,
        place=reading.place,
        named=NamedFiles(reading.named.files, reading.place, cut),
        bases=bases,
        outputs=outputs,
        epoch=created.epoch,
        secrets=reading.secrets,
        agents=reading.agents,
        caching=caching,
    )


def _rewrite_times(outputs: Iterable[Wanted]) -> bool:
    return any(item.form is not None and item.form.rewrite for item in outputs)
