"""Logins that outlive a build: docker's config.json, or the credential helper that it names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ci_builder.errors import CredentialError
from ci_builder.registry.credential_programs import CredentialProgram
from ci_builder.registry.docker_config import (
    configured_program,
    read_config,
    save_config,
    with_login,
    without_login,
)
from ci_builder.registry.keys import normal_key, written_key
from ci_builder.request import Login


def keep_login(login: Login, folder: Path, environment: Mapping[str, str]) -> str:
    """Keep ``login`` as ``docker login`` does, in ``folder``/config.json or where that says.

    Returns the name of the place. Raises CredentialError.
    """
    path = folder / "config.json"
    value = read_config(path)
    program = configured_program(value, login.registry)
    if program:
        key = written_key(login.registry)
        CredentialProgram(program, environment).store(key, login)
        # The secret is elsewhere; docker marks with an empty entry that there is one.
        value = without_login(value, login.registry)
        value["auths"] = {**(value.get("auths") or {}), key: {}}
    else:
        value = with_login(value, login)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise CredentialError(f"{folder} cannot be made: {error.strerror}") from error
    save_config(path, value)
    return f"docker-credential-{program}" if program else str(path)


def forget_login(registry: str, folder: Path, environment: Mapping[str, str]) -> bool:
    """Forget the login for ``registry``; whether there was one. Raises CredentialError."""
    path = folder / "config.json"
    value = read_config(path)
    known = any(normal_key(key) == normal_key(registry) for key in value.get("auths") or {})
    program = configured_program(value, registry)
    if program:
        kept = CredentialProgram(program, environment)
        known = kept.get(written_key(registry)) is not None or known
        kept.erase(written_key(registry))
    if known:
        save_config(path, without_login(value, registry))
    return known
