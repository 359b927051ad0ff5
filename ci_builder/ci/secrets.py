"""Logins out of a job's environment, and every form in which their secrets could show up in a log."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping

from ci_builder.ci.inputs import Inputs
from ci_builder.ci.names import host_of
from ci_builder.errors import InvalidValue, UsageError
from ci_builder.oci.reference import Reference
from ci_builder.request import Login, SecretSpec
from ci_builder.untrusted import as_bytes, from_json

_SHORTEST_LINE = 4


EMPTY = "secrets are empty in changes from forks, and on branches that are not protected"
"""What to think of when a variable is empty."""


def explicit_login(inputs: Inputs, tags: Iterable[str]) -> list[Login]:
    """The login of the inputs ``registry``, ``username``, ``password``; without ``registry`` it is for the
    registry of the first tag. Raises UsageError for half a login."""
    username, password = inputs.text("username"), inputs.text("password")
    return login(inputs.text("registry"), username, password, tags, names=("username", "password"))


def login(
    registry: str, username: str, password: str, tags: Iterable[str], *, names: tuple[str, str]
) -> list[Login]:
    """A login as a list: empty without user and password. ``names``: where these two come from. Raises
    UsageError for one without the other."""
    if not username and not password:
        return []
    if not username or not password:
        there, missing = names if username else names[::-1]
        raise UsageError(f"there is {there} for the registry, and no {missing}", hint=EMPTY)
    return [Login(host_of(registry) if registry else registry_of(tags), username, password)]


def registry_of(tags: Iterable[str]) -> str:
    """The registry of the first tag, Docker Hub without one. Raises UsageError."""
    for tag in tags:
        try:
            return Reference.parse(tag).registry
        except InvalidValue as error:
            raise UsageError(str(error), hint=error.hint) from error
    return "docker.io"


def without_repeated(logins: Iterable[Login]) -> tuple[Login, ...]:
    """The first login for each registry."""
    found: dict[str, Login] = {}
    for item in logins:
        found.setdefault(item.registry, item)
    return tuple(found.values())


def masks_of(
    logins: Iterable[Login], secrets: Iterable[SecretSpec], environment: Mapping[str, str]
) -> tuple[str, ...]:
    """Every text that must not be shown, the longest first; a secret of several lines is several texts."""
    texts: list[str] = []
    for item in logins:
        both = base64.b64encode(as_bytes(f"{item.username}:{item.password}")).decode()
        texts += [item.password, item.identity_token, item.registry_token, both if item.password else ""]
    texts += [item.value for item in secrets]
    texts += _of_auth_config(environment.get("DOCKER_AUTH_CONFIG", ""))
    lines = {line for text in texts for line in _lines_of(text)}
    return tuple(sorted(lines, key=lambda line: (-len(line), line)))


def _lines_of(text: str) -> list[str]:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    # The braces of a key in JSON are lines as well; hiding them would make any log unreadable.
    return lines if len(lines) < 2 else [line for line in lines if len(line) >= _SHORTEST_LINE]


def _of_auth_config(text: str) -> list[str]:
    try:
        auths = from_json(text or "{}").get("auths", {})
        entries = [entry for entry in auths.values() if isinstance(entry, dict)]
    except (ValueError, AttributeError):
        return []  # Whoever reads it to log in says what is wrong with it.
    found: list[str] = []
    for entry in entries:
        found += [str(entry.get(key, "")) for key in ("auth", "password", "identitytoken", "registrytoken")]
        try:
            decoded = base64.b64decode(str(entry.get("auth", ""))).decode()
        except (binascii.Error, UnicodeDecodeError):
            continue
        found.append(decoded.partition(":")[2])
    return found
