"""One config.json (or auth.json) as read: docker/cli ``configfile``; containers-auth.json(5)."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ci_builder.errors import CredentialError
from ci_builder.registry.keys import normal_key
from ci_builder.request import Login
from ci_builder.untrusted import from_json
from ci_builder.values import dataclass, field

_LIMIT = 16 << 20


@dataclass(frozen=True, slots=True)
class AuthFile:
    """``logins`` are (normal key, Login) pairs; ``helpers`` (normal key, program) pairs, an empty program
    meaning that the file itself answers; ``store`` the program for every other registry, or empty."""

    name: str
    logins: tuple[tuple[str, Login], ...] = field(default=(), repr=False)
    helpers: tuple[tuple[str, str], ...] = ()
    store: str = ""

    @staticmethod
    def parse(text: str | bytes, name: str) -> AuthFile:
        """Parse the JSON of a source called ``name``. Raises CredentialError, without a secret."""
        value = parse_object(text, name)
        auths = _section(value, "auths", name)
        helpers = _section(value, "credHelpers", name)
        store = value.get("credsStore") or ""
        if not isinstance(store, str) or not all(isinstance(item, str) for item in helpers.values()):
            raise CredentialError(f"{name}: credsStore and credHelpers must be names of programs")
        logins = [(key, _login(key, entry, name)) for key, entry in auths.items()]
        # An exact host goes before a URL that only contains it: ResolveAuthConfig does the same.
        logins.sort(key=lambda pair: pair[0] != normal_key(pair[0]))
        return AuthFile(
            name,
            tuple((normal_key(key), login) for key, login in logins if login is not None),
            tuple((normal_key(key), program) for key, program in helpers.items()),
            store,
        )

    @staticmethod
    def read(path: Path) -> AuthFile | None:
        """The file at ``path``, None when there is none. Raises CredentialError."""
        data = read_file(path)
        return None if data is None else AuthFile.parse(data, str(path))


def parse_object(text: str | bytes, name: str) -> dict[str, Any]:
    """One JSON object. Raises CredentialError naming ``name`` and the place, never the text."""
    try:
        value = from_json(text) if text.strip() else {}
    except json.JSONDecodeError as error:
        raise CredentialError(
            f"{name} is not JSON: {error.msg} (line {error.lineno}, column {error.colno})"
        ) from None
    except UnicodeDecodeError:
        raise CredentialError(f"{name} is not JSON: it is not UTF-8 text") from None
    except ValueError:
        raise CredentialError(f"{name} is not JSON: it is nested too deeply") from None
    if not isinstance(value, dict):
        raise CredentialError(f"{name} is not a JSON object")
    return value


def read_file(path: Path) -> bytes | None:
    """The bytes of ``path``, None when there is none. Raises CredentialError."""
    try:
        with path.open("rb") as file:
            data = file.read(_LIMIT + 1)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise CredentialError(f"{path} cannot be read: {error.strerror}") from error
    if len(data) > _LIMIT:
        raise CredentialError(f"{path} is larger than {_LIMIT >> 20} MiB: that is no config.json")
    return data


def _section(value: Mapping[str, Any], key: str, name: str) -> Mapping[str, Any]:
    section = value.get(key) or {}
    if not isinstance(section, Mapping):
        raise CredentialError(f"{name}: {key} is not a JSON object")
    return section


def _login(key: str, entry: object, name: str) -> Login | None:
    """None for an empty entry: docker leaves one as a mark where a store keeps the secret."""
    if not isinstance(entry, Mapping):
        raise CredentialError(f"{name}: the entry for {key} is not a JSON object")
    texts = {}
    for part in ("auth", "username", "password", "identitytoken", "registrytoken"):
        text = entry.get(part) or ""
        if not isinstance(text, str):
            raise CredentialError(f"{name}: {part} of {key} is not text")
        texts[part] = text
    user, password = texts["username"], texts["password"]
    if texts["auth"]:
        user, password = _decode(texts["auth"], key, name)
    if not (user or password or texts["identitytoken"] or texts["registrytoken"]):
        return None
    return Login(normal_key(key), user, password, texts["identitytoken"], texts["registrytoken"])


def _decode(text: str, key: str, name: str) -> tuple[str, str]:
    try:
        # Some tools leave the padding away; docker's own decoder does not need all of it either.
        padded = text.strip() + "=" * (-len(text.strip()) % 4)
        decoded = base64.b64decode(padded, validate=True).decode("utf-8", "surrogateescape")
    except (binascii.Error, ValueError):
        raise CredentialError(f"{name}: auth of {key} is not base64 of USER:PASSWORD") from None
    user, colon, password = decoded.partition(":")
    if not colon:
        raise CredentialError(f"{name}: auth of {key} is not base64 of USER:PASSWORD")
    return user, password.rstrip("\0")
