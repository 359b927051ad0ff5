"""What a Request says of caches, and the caches that come of it. Nothing is asked of a registry."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ci_builder import options
from ci_builder.build.caching.options import Caching, caching_for, check_stages_without, folders_of
from ci_builder.dockerfile.dockerfile import parse
from ci_builder.errors import Unsupported, UsageError
from ci_builder.oci.platform import Platform
from ci_builder.progress import silent
from ci_builder.registry.client import Registry
from ci_builder.registry.credentials import load
from ci_builder.request import CacheOptions, RegistryOptions, Request
from ci_builder.span import Source

AMD64 = Platform("linux", "amd64")
REPOSITORY = "r.example.com/app"


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    with Registry(load({}, ()), RegistryOptions(), {}, silent, tmp_path) as made:
        yield made


def caching(registry: Registry, cache: CacheOptions, **more: object) -> Caching:
    request = replace(Request(cache=cache), **more)  # type: ignore[arg-type]
    return caching_for(request, (), AMD64, registry, lambda: 0)


def places(registry: Registry, way: str, text: str) -> Caching:
    found = options.cache_places([text], f"--cache-{way}")
    return caching(registry, CacheOptions(sources=found) if way == "from" else CacheOptions(targets=found))


def names(found: Caching) -> tuple[list[str], list[str]]:
    """Of the caches that are read, and of those that are written."""
    return [str(item) for item in found.sources], [str(item.cache) for item in found.targets]


def test_the_first_branch_is_written_and_all_are_read(registry: Registry) -> None:
    found = caching(registry, CacheOptions(repository=REPOSITORY, branches=("topic", "main", "topic")))
    read, written = names(found)
    assert [name.rpartition("-")[0] for name in read] == [
        f"{REPOSITORY}:cache-linux-amd64-topic",
        f"{REPOSITORY}:cache-linux-amd64-main",
    ]
    assert written == read[:1]
    assert found.targets[0].everything


def test_one_image_has_one_cache_whether_it_is_pushed_or_not(registry: Registry) -> None:
    cache = CacheOptions(repository=REPOSITORY, image="r.example.com/image")
    pushed = caching(registry, replace(cache, image=""), tags=("r.example.com/image:1",))
    assert names(caching(registry, cache)) == names(pushed)
    assert names(caching(registry, replace(cache, image="r.example.com/other"))) != names(pushed)


def test_caches_that_are_only_read(registry: Registry) -> None:
    cache = CacheOptions(
        repository=REPOSITORY, keep=False, targets=options.cache_places(["type=local,dest=x"], "to")
    )
    read, written = names(caching(registry, cache))
    assert (len(read), written) == (1, [])


def test_no_cache_at_all(registry: Registry) -> None:
    cache = CacheOptions(repository=REPOSITORY, off=True, targets=options.cache_places(["type=inline"], "to"))
    found = caching(registry, cache, build_args=(("BUILDKIT_INLINE_CACHE", "1"),))
    assert (*names(found), found.inline) == ([], [], False)


def test_the_cache_in_the_image(registry: Registry) -> None:
    assert places(registry, "to", "type=inline").inline
    assert caching(registry, CacheOptions(), build_args=(("BUILDKIT_INLINE_CACHE", "1"),)).inline
    assert not caching(registry, CacheOptions()).inline


@pytest.mark.parametrize("kind", ["gha", "s3", "azblob", "gcs"])
@pytest.mark.parametrize("way", ["from", "to"])
def test_places_of_other_builders(registry: Registry, kind: str, way: str) -> None:
    with pytest.raises(Unsupported, match=f"--cache-{way} type={kind} is not supported") as caught:
        places(registry, way, f"type={kind},scope=x")
    assert "cache: true" in caught.value.hint


def test_attributes_that_ask_for_what_is_done_anyway(registry: Registry) -> None:
    text = "type=registry,ref=r.example.com/a:cache,mode=max,image-manifest=true,oci-mediatypes=true"
    assert names(places(registry, "to", f"{text},ignore-error=true"))[1] == ["r.example.com/a:cache"]
    for wrong in ("image-manifest=false", "oci-mediatypes=false", "ignore-error=false", "compression=zstd"):
        with pytest.raises(UsageError, match="unknown attribute"):
            places(registry, "to", f"type=registry,ref=a,{wrong}")
    with pytest.raises(UsageError, match="unknown attribute"):
        places(registry, "from", "type=registry,ref=a,image-manifest=true")


def test_folders() -> None:
    cache = CacheOptions(
        sources=options.cache_places(["type=local,src=a", "b"], "from"),
        targets=options.cache_places(["type=local,dest=a", "type=local,dest=c/d"], "to"),
    )
    assert folders_of(cache) == (Path("a"), Path("c/d"))


@pytest.mark.parametrize(
    ("name", "hint"),
    [("stage-1", "a stage without a name is called by its number: 1"), ("mode", "did you mean made?")],
)
def test_a_stage_that_is_not_there(name: str, hint: str) -> None:
    stages = parse(Source("Dockerfile", "FROM a AS made\nFROM b\n")).stages
    check_stages_without(("made", "1"), stages)
    with pytest.raises(UsageError, match=f"there is no stage '{name}'") as caught:
        check_stages_without((name,), stages)
    assert hint in caught.value.hint
