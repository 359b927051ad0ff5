"""The inputs about the cache of layers, and whose caches a job may write and read.

Each branch has a cache of its own, which other branches may read but never write. What is no branch of the
project gets a name that no branch can have (git check-ref-format: there is no colon in it), so that no fork
writes the cache of a branch by having one of the same name.
"""

from __future__ import annotations

from collections.abc import Sequence

from ci_builder import options
from ci_builder.ci.inputs import Inputs
from ci_builder.errors import InvalidValue, UsageError
from ci_builder.oci.reference import Reference
from ci_builder.request import MOUNTS_LIMIT, CacheOptions

OF_TAGS = "tag:"
"""The one cache of all tags: that of a single one would be of use to nobody."""

_BOOLEANS = frozenset(("true", "1", "false", "0"))
_ASK = (
    "write true for the image's own repository, false, or a repository: registry.example.com/team/app-cache"
)


def of_change(number: object) -> str:
    """The cache of a change request whose branch is not known."""
    return f"change:{number}"


def of_fork(project: str, branch: str) -> str:
    """The cache of a branch of another project."""
    return f"{project}:{branch}"


def cache_options(inputs: Inputs, images: Sequence[str], branches: Sequence[str]) -> CacheOptions:
    """What the inputs ask for. ``images`` are the names under which the image is pushed, or would be,
    ``branches`` those whose caches are read, the one that is written first (empty: it is not known).

    Raises UsageError, InvalidValue.
    """
    if inputs.text("cache").lower() in ("false", "0"):
        return CacheOptions(off=True)
    own, *others = branches or ("",)
    others += inputs.lines("cache-branches", commas=True)
    names = [item for item in dict.fromkeys(others) if item and item != own]
    repository = _repository(inputs, images)
    brings, sends = _mounts(inputs, repository, images)
    ttl, size = inputs.text("cache-ttl"), inputs.text("cache-mounts-max-size")
    about = (
        ("cache-branches", True, inputs.text("cache-branches")),
        ("cache-ttl", False, ttl),
        ("cache-mounts", True, brings or sends),
    )
    return CacheOptions(
        sources=options.cache_places(inputs.lines("cache-from"), "cache-from"),
        targets=options.cache_places(inputs.lines("cache-to"), "cache-to"),
        repository=repository,
        branches=(own, *names) if own or names else (),
        image=_name(images),
        ttl=options.age(ttl, "cache-ttl") if ttl else None,
        without=tuple(inputs.lines("no-cache-filters", commas=True)),
        bring_mounts=brings,
        send_mounts=sends,
        mounts_limit=options.size(size, "cache-mounts-max-size") if size else MOUNTS_LIMIT,
        about=tuple((name, of_repository) for name, of_repository, given in about if given),
    )


def references_of(cache: CacheOptions) -> list[str]:
    """The names of all caches in registries."""
    places = [place for place in (*cache.sources, *cache.targets) if place.type == "registry"]
    named = [value for place in places for key, value in place.attributes if key == "ref" and value]
    return [*([cache.repository] if cache.repository else []), *named]


def _repository(inputs: Inputs, images: Sequence[str]) -> str:
    wanted, repository = inputs.text("cache"), inputs.text("cache-repo")
    if wanted and wanted.lower() not in _BOOLEANS:
        if repository not in ("", wanted):
            raise UsageError(f"cache says {wanted} and cache-repo {repository}", hint="give one of them")
        # A word that is meant as a boolean would be an image on Docker Hub.
        if "/" not in wanted:
            raise UsageError(f"cache is no repository and no boolean: {wanted!r}", hint=_ASK)
        return options.repository(wanted, "cache")
    if repository:
        return options.repository(repository, "cache-repo")
    if not wanted:
        return ""
    name = _name(images)
    if not name:
        raise UsageError("cache: nothing says what the image's repository is", hint=_ASK)
    return name


def _mounts(inputs: Inputs, repository: str, images: Sequence[str]) -> tuple[bool, bool]:
    """Whether caches of RUN --mount are brought and sent. They may hold what the image does not."""
    brings, sends = options.cache_mounts(inputs.text("cache-mounts"), "cache-mounts")
    if not brings and not sends:
        if inputs.text("cache-mounts-max-size"):
            raise UsageError("cache-mounts-max-size: no cache-mounts are kept", hint="set cache-mounts: both")
    elif repository and _name([repository]) in {_name([image]) for image in images}:
        hint = "keep the cache in a repository of its own: cache: registry.example.com/team/app-cache"
        raise UsageError(f"cache-mounts: whoever may pull {repository} could read them there", hint=hint)
    return brings, sends


def _name(images: Sequence[str]) -> str:
    """The repository of the first one; empty when there is none, or it is no name: others say so."""
    try:
        return Reference.parse(images[0]).name if images else ""
    except InvalidValue:
        return ""
