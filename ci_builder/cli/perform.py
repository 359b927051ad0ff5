"""A build as every command does it: masked, shown, cleaned up; its outcome is a value."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from ci_builder.build.start import build
from ci_builder.build.surroundings import Surroundings
from ci_builder.cli.failure import unexpected_error
from ci_builder.cli.invocation import Invocation, folders_elsewhere, kept_data_folder, temporary_folder
from ci_builder.cli.masking import NO_SECRETS, MaskedProgress, Secrets, login_secrets, url_secrets
from ci_builder.cli.rendering.choose import Renderer, choose_renderer
from ci_builder.cli.result_files import check_result_files, write_result_files
from ci_builder.errors import CiBuilderError, Interrupted, Stopped, UsageError
from ci_builder.executors.private_folder import private_folder
from ci_builder.progress import Event, Progress, silent
from ci_builder.registry.credentials import config_files, docker_config_folder, known_logins
from ci_builder.registry.docker_config import write_config
from ci_builder.request import Login, Request, Result
from ci_builder.settings import FILE, read_settings
from ci_builder.values import dataclass, field

_LARGEST_SECRET = 1 << 20
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Display:
    """``progress`` is a mode of ``--progress``; ``secrets`` are hidden in everything that is shown;
    ``listener`` is told the same."""

    progress: str = "auto"
    debug: bool = False
    secrets: Secrets = NO_SECRETS
    listener: Progress = silent


@dataclass(slots=True)
class _Both:
    """A Progress before two others."""

    first: Progress
    second: Progress

    def __call__(self, event: Event, /) -> None:
        self.first(event)
        self.second(event)


@dataclass(slots=True)
class _OneAtATime:
    """A Progress that any thread may call, before one that takes one caller at a time."""

    inner: Progress
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, event: Event, /) -> None:
        with self.lock:
            self.inner(event)


def perform(request: Request, invocation: Invocation, display: Display) -> Result | CiBuilderError:
    """Build, showing progress, and write the result files. Never raises for what went wrong: that is
    the outcome as well."""

    def asked(under: Request, surroundings: Surroundings) -> Result:
        check_result_files(under)
        result = build(under, surroundings)
        write_result_files(under, result)
        return result

    return examined(asked, request, invocation, display)


def examined(
    what: Callable[[Request, Surroundings], Answer],
    request: Request,
    invocation: Invocation,
    display: Display,
) -> Answer | CiBuilderError:
    """Do ``what`` with a request over its settings, showing progress. Never raises for what went wrong."""
    renderer = choose_renderer(display.progress, invocation.stderr, debug=display.debug)
    try:
        try:
            return _do(what, request, invocation, display, renderer)
        finally:
            renderer.close()
    except Stopped as stopped:
        return stopped.error
    except CiBuilderError as error:
        return _stopped(error) or error
    except Exception as error:
        return _stopped(error) or unexpected_error(error)


def _stopped(error: BaseException) -> Interrupted | None:
    """The signal in whose wake ``error`` was raised, if there was one: cleaning up in the middle of
    something may fail, and that is not what went wrong."""
    waiting: list[BaseException | None] = [error]
    seen: set[int] = set()  # a chain of causes may lead back to where it began
    while waiting:
        one = waiting.pop()
        if isinstance(one, Stopped):
            return one.error
        if one is not None and id(one) not in seen:
            seen.add(id(one))
            waiting += [one.__cause__, one.__context__]
    return None


def secrets_of(request: Request, environment: Mapping[str, str]) -> Secrets:
    """Every secret that a request carries: logins, secrets with their files' content, passwords in URLs; and
    those of docker's config.json that the ``environment`` names. Raises UsageError."""
    logins = [*request.logins, *known_logins(environment)]
    texts = login_secrets(logins) + url_secrets((request.context, request.dockerfile))
    texts += url_secrets(value for _, value in request.build_contexts)
    for secret in request.secrets:
        texts.append(secret.value)
        if secret.source is not None:
            texts.append(_content(secret.source))
    return Secrets.of(texts)


def _do(
    what: Callable[[Request, Surroundings], Answer],
    asked: Request,
    invocation: Invocation,
    display: Display,
    renderer: Renderer,
) -> Answer:
    request = read_settings(Path(FILE)).under(asked)
    with (
        private_folder(temporary_folder(invocation.environment)) as folder,
        kept_data_folder(invocation.environment) as home,
    ):
        environment = _with_logins(request.logins, invocation.environment, folder / "docker")
        surroundings = Surroundings(
            environment=environment,
            progress=_OneAtATime(MaskedProgress(display.secrets, _Both(renderer, display.listener))),
            home=home,
            folder=folder,
            stdin=invocation.stdin,
            stdout=invocation.stdout,
            secret_files=_secret_files(request, invocation.environment, environment),
            elsewhere=folders_elsewhere(invocation.environment),
        )
        return what(request, surroundings)


def _secret_files(request: Request, *environments: Mapping[str, str]) -> tuple[Path, ...]:
    """Every file with credentials that the build's programs may read and its commands may not."""
    files = [path.absolute() for environment in environments for path in config_files(environment)]
    files += [secret.source.absolute() for secret in request.secrets if secret.source is not None]
    return tuple(dict.fromkeys(files))


def _with_logins(logins: Sequence[Login], environment: Mapping[str, str], folder: Path) -> Mapping[str, str]:
    """The environment of the build. Its logins are in a config.json of docker in ``folder``, which is made,
    and goes with the build's own: that is never a part of an image, and gone after the next build even if
    this one is killed."""
    if not logins:
        return environment
    existing = docker_config_folder(environment)
    write_config(logins, existing / "config.json" if existing else None, folder)
    return {**environment, "DOCKER_CONFIG": str(folder)}


def _content(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_LARGEST_SECRET).decode("utf-8", "replace")
    except OSError as error:
        raise UsageError(f"the secret file {path} cannot be read: {error.strerror}") from error
