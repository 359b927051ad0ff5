"""What Jenkins and the generic CI have in common: a job that says IMAGE and REGISTRY* in its environment.

``IMAGE`` is the repository to push to, or a whole reference; ``REGISTRY`` the registry, if it is not in
front of it already; the login is in REGISTRY_USER and REGISTRY_PASSWORD (or REGISTRY_USR and REGISTRY_PSW,
which Jenkins makes of ``REGISTRY = credentials(…)``; REGISTRY itself holds ``user:password`` then, and is
not taken for a registry).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ci_builder.ci.assemble import Defaults, assemble, wanted_cache, wanted_tags
from ci_builder.ci.inputs import Inputs, read_inputs
from ci_builder.ci.interface import FileWrite, Reading, Report
from ci_builder.ci.names import host_of, tagged
from ci_builder.ci.secrets import login, registry_of
from ci_builder.ci.told import assignments
from ci_builder.errors import CiBuilderError, UsageError
from ci_builder.oci.reference import DOCKER_HUB
from ci_builder.request import Login, Result
from ci_builder.values import dataclass

_MISSING = "set CI_BUILDER_TAGS, or IMAGE to the repository (and a tag or branch must be known)"
_NO_NAMES = (
    "IMAGE has no tag, no variable names a tag or branch, and git knows none here, or does not trust a "
    "checkout of another user (git config --global --add safe.directory PATH): set CI_BUILDER_TAGS, or give "
    "IMAGE a tag"
)
_ASK = "set REGISTRY to the registry, such as registry.example.com (docker.io for Docker Hub)"
# What Groovy makes of ${env.NAME} where there is no such variable.
_UNSET = "null"
_WRITTEN_OUT = ("docker.io/", "index.docker.io/", "registry-1.docker.io/")


@dataclass(frozen=True, slots=True)
class Revision:
    """What is built: its ``names`` as tags of the image, best first, and the ``branches`` whose caches are
    read, that of the job first."""

    names: list[str]
    branches: tuple[str, ...] = ()


def read_plain(environment: Mapping[str, str], revision: Revision, file: str) -> Reading:
    """The build of a job at this ``revision``, whose report goes into ``file``.

    Raises UsageError, Unsupported.
    """
    inputs = read_inputs(environment)
    usual = _default_tags(inputs, environment, revision.names)
    no_names = bool(environment.get("IMAGE", "").strip()) and not revision.names
    missing = _NO_NAMES if no_names else _MISSING
    defaults = Defaults(push=True, tags=usual, missing=missing, branches=revision.branches)
    tags = wanted_tags(inputs, defaults)
    cache = wanted_cache(inputs, defaults)
    in_own_repository = bool(cache.repository) and cache.repository == cache.image
    if tags == usual or (not tags and in_own_repository):
        _check_registries(usual, "the image's name")
    logins = _logins(environment, tags or usual)
    found = assemble(inputs, defaults, logins, environment)
    return Reading(request=found.request, masks=found.masks, stale=(Path(file),))


def report_plain(outcome: Result | CiBuilderError, file: str) -> Report:
    """``CI_BUILDER_*`` assignments in ``file`` for the steps that follow."""
    if not isinstance(outcome, Result):
        return Report()
    return Report((), (FileWrite(Path(file), assignments(outcome)),))


def _default_tags(inputs: Inputs, environment: Mapping[str, str], names: list[str]) -> tuple[str, ...]:
    image = inputs.text("repository") or environment.get("IMAGE", "").strip()
    if image.startswith(f"{_UNSET}/"):
        raise UsageError(f"the image's name {image} begins with a variable that is not set", hint=_ASK)
    registry = _registry(environment)
    if not image:
        return ()
    if registry and not image.startswith(f"{registry}/"):
        image = f"{registry}/{image}"
    if ":" in image.rpartition("/")[2] or "@" in image:
        return (image,)
    return tagged(image, names)


def _registry(environment: Mapping[str, str]) -> str:
    # With credentials() this variable is the login itself.
    text, password = environment.get("REGISTRY", ""), environment.get("REGISTRY_PSW", "")
    registry = "" if password and text.endswith(f":{password}") else host_of(text)
    if registry == _UNSET:
        raise UsageError("REGISTRY is made of a variable that is not set", hint=_ASK)
    return registry


def _logins(environment: Mapping[str, str], tags: tuple[str, ...]) -> list[Login]:
    user = environment.get("REGISTRY_USER") or environment.get("REGISTRY_USR") or ""
    password = environment.get("REGISTRY_PASSWORD") or environment.get("REGISTRY_PSW") or ""
    registry = _registry(environment)
    if (user or password) and not registry:
        if not tags:
            raise UsageError("nothing says which registry the user and password are for", hint=_ASK)
        _check_registries(tags, "there are a user and a password, and the image's name")
    by_jenkins = environment.get("REGISTRY_USR") or environment.get("REGISTRY_PSW")
    names = ("REGISTRY_USR", "REGISTRY_PSW") if by_jenkins else ("REGISTRY_USER", "REGISTRY_PASSWORD")
    return login(registry, user, password, tags, names=names)


def _check_registries(tags: tuple[str, ...], what: str) -> None:
    # A registry that was forgotten must not make Docker Hub out of it, least of all with a password.
    for tag in tags:
        if registry_of([tag]) == DOCKER_HUB and not tag.startswith(_WRITTEN_OUT):
            raise UsageError(f"{what} {tag} has no registry in front", hint=_ASK)
