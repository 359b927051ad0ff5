"""docker's config.json, written: for the length of a build, and for login and logout.

A file appears under its name only when it is whole, and nobody but its owner can ever read it.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ci_builder.errors import CredentialError
from ci_builder.registry.auth_file import parse_object, read_file
from ci_builder.registry.keys import normal_key, written_key
from ci_builder.request import Login
from ci_builder.untrusted import as_bytes


def write_config(logins: Sequence[Login], existing: Path | None, folder: Path) -> None:
    """Make ``folder`` (0700), a value for DOCKER_CONFIG, with a config.json (0600): ``existing`` (a file,
    which need not be there) with ``logins`` added, the first one for a registry winning. Raises
    CredentialError."""
    value = read_config(existing) if existing is not None else {}
    for login in reversed(logins):
        value = with_login(value, login)
    try:
        folder.mkdir(0o700)
    except OSError as error:
        raise CredentialError(f"no folder for docker's config.json: {folder}: {error.strerror}") from error
    save_config(folder / "config.json", value)


def read_config(path: Path) -> dict[str, Any]:
    """The JSON object of a config.json, empty when there is no file. Raises CredentialError."""
    data = read_file(path)
    return {} if data is None else parse_object(data, str(path))


def with_login(value: Mapping[str, Any], login: Login) -> dict[str, Any]:
    """The config with ``login`` in its ``auths``, replacing every other spelling of the same key."""
    merged = without_login(value, login.registry)
    key = written_key(login.registry)
    merged["auths"] = {**(merged.get("auths") or {}), key: _entry(login)}
    helpers = {name: item for name, item in _helpers(value).items() if normal_key(name) != normal_key(key)}
    if value.get("credsStore"):
        # Otherwise the store would be asked and the entry above never be read; docker takes an empty
        # name for "the file itself".
        helpers[key] = ""
    if helpers or "credHelpers" in value:
        merged["credHelpers"] = helpers
    return merged


def without_login(value: Mapping[str, Any], registry: str) -> dict[str, Any]:
    """The config without the ``auths`` for ``registry``; everything else is kept as it is."""
    kept = dict(value)
    wanted = normal_key(registry)
    auths = value.get("auths") or {}
    if not isinstance(auths, Mapping):
        raise CredentialError("auths in docker's config.json is not a JSON object")
    if auths:
        kept["auths"] = {key: item for key, item in auths.items() if normal_key(key) != wanted}
    return kept


def configured_program(value: Mapping[str, Any], registry: str) -> str:
    """The credential helper that keeps what belongs to ``registry``, or empty for the file itself."""
    wanted = normal_key(registry)
    for key, name in _helpers(value).items():
        if normal_key(key) == wanted:
            return str(name)
    return str(value.get("credsStore") or "")


def save_config(path: Path, value: Mapping[str, Any]) -> None:
    """Write a config.json (0600) under its name only when it is whole. Raises CredentialError."""
    # What is no ASCII is written by its number: a file may hold half of a character, which is no UTF-8.
    data = json.dumps(value, indent="\t").encode()
    # A config.json that is a symbolic link (as in a mounted volume) stays one.
    target = path.resolve() if path.is_symlink() else path
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(8)}")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
    except OSError as error:
        raise CredentialError(f"{path} cannot be written: {error.strerror}") from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def _helpers(value: Mapping[str, Any]) -> Mapping[str, Any]:
    helpers = value.get("credHelpers") or {}
    if not isinstance(helpers, Mapping):
        raise CredentialError("credHelpers in docker's config.json is not a JSON object")
    return helpers


def _entry(login: Login) -> dict[str, str]:
    entry: dict[str, str] = {}
    if login.username or login.password:
        # A password is whatever bytes the variable had.
        entry["auth"] = base64.b64encode(as_bytes(f"{login.username}:{login.password}")).decode()
    if login.identity_token:
        entry["identitytoken"] = login.identity_token
    if login.registry_token:
        entry["registrytoken"] = login.registry_token
    return entry
