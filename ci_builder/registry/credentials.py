"""Who logs in where: the credentials of a build, by docker's rules, from every place they are kept in."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from ci_builder.errors import CredentialError
from ci_builder.progress import Notice, Progress, silent
from ci_builder.registry.auth_file import AuthFile
from ci_builder.registry.credential_programs import CredentialProgram, ProgramMissing
from ci_builder.registry.keys import normal_key, wanted_keys, written_key
from ci_builder.request import Login
from ci_builder.values import dataclass, field

#: How errors and the doctor call the logins that came with the request.
GIVEN = "the build's own logins"


@dataclass(frozen=True, slots=True)
class Provider:
    """One answer that a source holds: ``source`` (a file, a variable …), ``registry`` (its key; ``*``: any)
    and ``how``: ``password for USER``, ``identity token``, ``registry token`` or ``docker-credential-X``.
    ``user`` is the user's name where the source itself says it."""

    source: str
    registry: str
    how: str
    user: str = ""


@dataclass(frozen=True, slots=True)
class Credentials:
    """The sources in their order; the first one with an answer is right. Thread-safe: nothing changes."""

    files: tuple[AuthFile, ...] = field(default=(), repr=False)
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    progress: Progress = field(default=silent, repr=False)

    def lookup(self, registry: str, repository: str = "") -> Login | None:
        """The credentials for ``repository`` at ``registry``, None for anonymous access.

        May run a credential helper. Raises CredentialError.
        """
        wanted = wanted_keys(registry, repository)
        for file in self.files:
            login = self._in_file(file, wanted)
            if login is not None:
                return login
        return None

    def providers(self) -> tuple[Provider, ...]:
        """Which source would answer for which registry, in the order of the lookup; no secret is read."""
        found: list[Provider] = []
        for file in self.files:
            found += [
                Provider(file.name, key, f"docker-credential-{name}") for key, name in file.helpers if name
            ]
            found += [Provider(file.name, key, _kind(login), login.username) for key, login in file.logins]
            if file.store:
                found.append(Provider(file.name, "*", f"docker-credential-{file.store}"))
        return tuple(found)

    def source(self, registry: str, repository: str = "") -> str:
        """The name of the source that answers, or empty; for messages, without a secret."""
        wanted = wanted_keys(registry, repository)
        for file in self.files:
            if self._in_file(file, wanted) is not None:
                return file.name
        return ""

    def _in_file(self, file: AuthFile, wanted: tuple[str, ...]) -> Login | None:
        helpers = dict(file.helpers)
        named = next((key for key in wanted if key in helpers), None)
        program = helpers[named] if named is not None else file.store
        if program:
            login = self._ask(program, named or wanted[-1], file, required=named is not None)
            if login is not None:
                return login
        for key in wanted:
            for known, login in file.logins:
                if known == key:
                    return login
        return None

    def _ask(self, program: str, key: str, file: AuthFile, *, required: bool) -> Login | None:
        try:
            return CredentialProgram(program, self.environment).get(written_key(key))
        except ProgramMissing as error:
            # A store named for everything (as desktops write it) must not stop an anonymous pull.
            if required:
                raise
            self.progress(Notice("debug", f"{file.name} names a credential store, but {error}"))
            return None


def load(
    environment: Mapping[str, str], logins: Sequence[Login] = (), progress: Progress = silent
) -> Credentials:
    """The credentials that ``environment`` points at, after the explicit ``logins`` (the first one wins).

    Order: logins, DOCKER_AUTH_CONFIG, docker's config.json ($DOCKER_CONFIG or ~/.docker), then the
    containers tools' REGISTRY_AUTH_FILE and auth.json. Raises CredentialError for one that is broken.
    """
    files: list[AuthFile | None] = []
    if logins:
        pairs = tuple((normal_key(login.registry), login) for login in logins)
        files.append(AuthFile(GIVEN, pairs))
    files += [read() for read in _sources(environment)]
    return Credentials(tuple(file for file in files if file is not None), dict(environment), progress)


def known_logins(environment: Mapping[str, str]) -> list[Login]:
    """What the variables and files hold that ``environment`` points at, as far as they can be read: whoever
    wants to log in with one that is broken is told so."""
    found: list[Login] = []
    for read in _sources(environment):
        with contextlib.suppress(CredentialError):
            file = read()
            found += [login for _, login in file.logins] if file is not None else []
    return found


def _sources(environment: Mapping[str, str]) -> Iterator[Callable[[], AuthFile | None]]:
    """What reads each of the places that ``environment`` points at, in their order."""
    if environment.get("DOCKER_AUTH_CONFIG"):
        yield partial(AuthFile.parse, environment["DOCKER_AUTH_CONFIG"], "DOCKER_AUTH_CONFIG")
    for path in config_files(environment):
        yield partial(AuthFile.read, path)


def docker_config_folder(environment: Mapping[str, str]) -> Path | None:
    """Where docker keeps its config.json, None when the environment names no home of this user."""
    if environment.get("DOCKER_CONFIG"):
        return Path(environment["DOCKER_CONFIG"])
    home = _home(environment)
    return Path(home, ".docker") if home else None


def _home(environment: Mapping[str, str]) -> str:
    """The home, empty for none and for one that this user may not look into: it is another one's."""
    home = environment.get("HOME", "")
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        try:
            os.stat(os.path.join(home, ".docker"))
        except PermissionError:
            return ""
    return home


def config_files(environment: Mapping[str, str]) -> list[Path]:
    """The files that ``load`` reads, in its order, whether they are there or not. A home that this user may
    not enter, which is another one's, has none."""
    folder = docker_config_folder(environment)
    paths = [folder / "config.json"] if folder is not None else []
    if environment.get("REGISTRY_AUTH_FILE"):
        paths.append(Path(environment["REGISTRY_AUTH_FILE"]))
    if environment.get("XDG_RUNTIME_DIR"):
        paths.append(Path(environment["XDG_RUNTIME_DIR"], "containers", "auth.json"))
    if environment.get("XDG_CONFIG_HOME"):
        paths.append(Path(environment["XDG_CONFIG_HOME"], "containers", "auth.json"))
    elif home := _home(environment):
        paths.append(Path(home, ".config", "containers", "auth.json"))
    return paths


def _kind(login: Login) -> str:
    if login.registry_token:
        return "registry token"
    return "identity token" if login.identity_token else f"password for {login.username}"
