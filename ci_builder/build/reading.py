"""What is to be built: the build context and the text of the Dockerfile, read before all else.

Whoever asks for a build waits for this first, so nothing is imported here that only the rest of a build needs
(issue 5, "Start-up").
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

from ci_builder.build.creation_time import check_time
from ci_builder.build.mounts.agents import Agents
from ci_builder.build.mounts.secrets import SecretValues
from ci_builder.build.named_contexts import NamedContexts
from ci_builder.build.platforms import target_platform
from ci_builder.build.sessions import http_sessions
from ci_builder.build.special_args import keeps_git_folder
from ci_builder.build.surroundings import Surroundings
from ci_builder.context.context import Context, Place
from ci_builder.context.dockerfile import read_dockerfile
from ci_builder.context.opening import check_named_context, open_context
from ci_builder.errors import ContextError
from ci_builder.oci.platform import Platform
from ci_builder.outputs.insecure import options_for
from ci_builder.request import RegistryOptions, Request
from ci_builder.span import Source
from ci_builder.values import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A request and what was read for it. ``stack`` closes what was opened when the build is over,
    ``started`` is its beginning by ``time.monotonic``."""

    request: Request
    surroundings: Surroundings
    stack: contextlib.ExitStack
    platform: Platform
    registry: RegistryOptions
    named: NamedContexts
    secrets: SecretValues
    agents: Agents
    place: Place
    context: Context
    source: Source
    started: float


@contextlib.contextmanager
def read(request: Request, surroundings: Surroundings) -> Iterator[Reading]:
    """Read what ``request`` names; no network but what a remote context needs. Raises CiBuilderError."""
    with contextlib.ExitStack() as stack:
        yield _read(request, surroundings, stack)


def _read(request: Request, surroundings: Surroundings, stack: contextlib.ExitStack) -> Reading:
    started, environment, folder = time.monotonic(), surroundings.environment, surroundings.folder
    check_time(request, environment)
    registry, platform = options_for(request), target_platform(request)
    secrets = SecretValues.read(request.secrets)
    agents = Agents.find(request.ssh, environment.get("SSH_AUTH_SOCK", ""))
    named = NamedContexts.parse(request.build_contexts)
    sessions = stack.enter_context(http_sessions(request.registry, environment))
    (folder / "contexts").mkdir()
    place = Place(Path.cwd(), folder / "contexts", surroundings.stdin, sessions, environment)
    with as_context_error():
        for text in named.files.values():
            check_named_context(text, place)
        keep_git = keeps_git_folder(request.build_args)
        context = open_context(request.context, request.context_sub_path, place, keep_git=keep_git)
        source, context = read_dockerfile(request.dockerfile, context, place)
    return Reading(
        request=request,
        surroundings=surroundings,
        stack=stack,
        platform=platform,
        registry=registry,
        named=named,
        secrets=secrets,
        agents=agents,
        place=place,
        context=context,
        source=source,
        started=started,
    )


@contextlib.contextmanager
def as_context_error() -> Iterator[None]:
    """Raises ContextError for what of a build context the system does not give."""
    try:
        yield
    except OSError as error:
        what = f"{error.strerror}: {error.filename}" if error.filename else str(error)
        raise ContextError(f"the build context cannot be read: {what}") from error
