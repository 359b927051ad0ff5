"""kaniko's flags about the cache of layers, as CacheOptions."""

from __future__ import annotations

from ci_builder import options
from ci_builder.cli.kaniko.words import Words
from ci_builder.errors import UsageError
from ci_builder.oci.reference import DOCKER_HUB, Reference
from ci_builder.request import CacheOptions, CachePlace

_LAYOUT = "oci:"


def cache_of(words: Words) -> CacheOptions:
    """Where layers are looked for and kept: nowhere without ``--cache``, whatever the other flags say, as
    with kaniko. All images and branches of a repository share what is in it. Raises UsageError,
    InvalidValue."""
    ttl = options.seconds(words.text("cache-ttl"), "--cache-ttl") if words.given("cache-ttl") else None
    if not words.switch("cache"):
        return CacheOptions(off=words.given("cache"))
    place = words.text("cache-repo")
    folder = place.removeprefix(_LAYOUT) if place.startswith(_LAYOUT) else ""
    if place == _LAYOUT:
        raise UsageError("--cache-repo oci: names no folder")
    repository = "" if folder else options.repository(place, "--cache-repo") or _beside(words)
    return CacheOptions(
        sources=(CachePlace("local", (("src", folder),)),) if folder else (),
        targets=(CachePlace("local", (("dest", folder), ("mode", "max"))),) if folder else (),
        repository=repository,
        # Another name than any image's: a repository beside that of the image has layers of all stages.
        image=f"{repository} of all images" if repository else "",
        ttl=ttl,
        run=words.switch("cache-run-layers", default=True),
        # kaniko leaves COPY out by itself, as its key of a RUN knows the files before it. Here it knows the
        # layers, so that what follows a COPY would be found no more in a fresh checkout.
        copy=words.switch("cache-copy-layers", default=True),
        keep=not words.switch("no-push-cache"),
    )


def builds_anew(words: Words) -> bool:
    """Whether no layer is young enough: kaniko's ``--cache-ttl=0``, which is for ever elsewhere."""
    return words.switch("cache") and cache_of(words).ttl == 0


def _beside(words: Words) -> str:
    destinations = words.all("destination")
    if not destinations:
        raise UsageError("--cache has no place to be: there is no --destination", hint="give --cache-repo")
    image = Reference.parse(destinations[0])
    return image.name if image.registry == DOCKER_HUB else f"{image.name}/cache"
