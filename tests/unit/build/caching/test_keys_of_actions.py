"""Every field of everything that a step can say is part of its key, whichever fields there are one day."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ci_builder.build.action import (
    Action,
    Clone,
    CopyFiles,
    Fetch,
    InlineFile,
    MakeDirectory,
    Repository,
    RunCommand,
    Step,
)
from ci_builder.build.caching.inputs import inputs_of_form, inputs_of_stage
from ci_builder.cache.inputs import key_of
from ci_builder.dockerfile.instructions.run_mount import RunMount
from ci_builder.oci.config import History, ImageConfig, RunConfig
from ci_builder.oci.image import Image, scratch
from ci_builder.oci.platform import Platform
from ci_builder.outputs.variants import Made
from ci_builder.request import ResourceLimit
from ci_builder.rootfs.compress import Compression
from ci_builder.rootfs.times import Times
from tests.unit.build.caching.world import World, make_files
from tests.unit.cache.records import layer

BIND = RunMount("bind", "/b", "src", mode=0o755)
CACHE = RunMount("cache", "/c", id="/c")
COPY = CopyFiles("", ("file*", "src"), (InlineFile("name", b"text"),), "/to/", "1:2", "u+x", False, ("*.md",))
SAMPLES: tuple[Action, ...] = (
    RunCommand(
        ("sh", "-c", "make"),
        (("A", "1"), ("B", "2")),
        "/",
        "me",
        "none",
        (("/f", b"x", 0o755),),
        (BIND, CACHE, RunMount("tmpfs", "/t", size=5), RunMount("secret", "/s", id="s", env="S")),
        (ResourceLimit("nofile", 10, 20),),
        600,
        (("http_proxy", "http://proxy"),),
    ),
    COPY,
    Fetch("http://a.example/x", "/to", "1:2", "644", "", False, ("x",)),
    Fetch("http://a.example/x", "/to", checksum="sha256:" + "0" * 64),
    Clone(Repository("https://a.example/r.git", "abc", True), "/to", "1:2", "755", ("x",)),
    MakeDirectory("/w", "me"),
)
NAMES_OF_ORIGINS = {(CopyFiles, "origin"), (RunMount, "origin")}
"""What a stage is called does not matter; what it is: test_keys_of_files.py."""
WITHOUT_EFFECT = {"seconds", "proxies"}
"""How long a command may take says nothing of what it makes."""


def changes(value: Any, where: str = "") -> Iterator[tuple[str, Any]]:  # noqa: C901, PLR0912
    """``value`` with one thing in it changed, for each thing; a kind of value that is not known here fails,
    so that nobody adds one that is not looked at."""
    if isinstance(value, bool):
        yield where, not value
    elif isinstance(value, int):
        yield where, value + 1
    elif isinstance(value, str):
        yield where, value + "x"
    elif isinstance(value, bytes):
        yield where, value + b"x"
    elif isinstance(value, tuple):
        if not where.endswith("]"):  # else it is a pair and the like
            yield f"{where}[+]", (*value, value[-1] if value else "x")
        for number, item in enumerate(value):
            if not where.endswith("]"):
                yield f"{where}[-{number}]", value[:number] + value[number + 1 :]
            for path, changed in changes(item, f"{where}[{number}]"):
                yield path, (*value[:number], changed, *value[number + 1 :])
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        for item in dataclasses.fields(value):
            if (type(value), item.name) not in NAMES_OF_ORIGINS:
                for path, changed in changes(getattr(value, item.name), f"{where}.{item.name}"):
                    yield path, dataclasses.replace(value, **{item.name: changed})
    else:
        raise AssertionError(f"{where}: how is {value!r} changed?")


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(make_files(tmp_path))


def test_there_is_a_sample_of_every_action() -> None:
    assert {type(sample) for sample in SAMPLES} == set(typing.get_args(Action))


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: type(sample).__name__)
def test_every_field_counts(world: World, sample: Action) -> None:
    before = world.key(sample)
    seen = {"": before}
    for where, changed in changes(sample):
        if where.startswith(".parents"):
            continue  # goes with the sources: below
        assert changed != sample
        if where and isinstance(sample, RunCommand) and _field(where) in WITHOUT_EFFECT:
            assert world.key(changed) == before
            continue
        seen[where] = world.key(changed)
        assert seen[where] != before, f"{where} is not part of the key"
    names = {_field(where) for where in seen if where}
    left = {item.name for item in dataclasses.fields(sample)} - names
    assert left <= {"origin", "parents", *WITHOUT_EFFECT}
    assert world.key(sample) == before


def _field(where: str) -> str:
    """Of an action, that something in it is a part of."""
    return where.split(".")[1].split("[", maxsplit=1)[0]


def test_parents_count(world: World) -> None:
    copy = dataclasses.replace(COPY, parents=("*", "deep"))
    pairs = [(one, other) for one in "*x" for other in ("deep", ".")]
    keys = {world.key(dataclasses.replace(copy, parents=pair)) for pair in pairs}
    assert len(keys) == 4
    assert world.key(copy) not in {world.key(COPY), world.key(copy.with_parents(()))}


def test_kinds_of_mounts_with_the_same_fields(world: World) -> None:
    kinds = ("bind", "cache", "tmpfs", "secret", "ssh")
    run = SAMPLES[0]
    assert isinstance(run, RunCommand)
    found = {
        world.key(dataclasses.replace(run, mounts=(RunMount(kind, "/m", "src", id="x"),))) for kind in kinds
    }
    assert len(found) == len(kinds)


def test_what_else_a_step_says(world: World) -> None:
    """What is not part of a key is named here: whoever adds a field says where it belongs."""
    fields = {item.name for item in dataclasses.fields(Step)}
    assert fields == {"span", "title", "created_by", "actions", "linked"}
    run = SAMPLES[0]
    assert world.key(run, linked=True) != world.key(run)
    assert world.key(run, created_by="RUN x") == world.key(run)
    assert world.key(run, run) != world.key(run)
    assert world.key(run, COPY) != world.key(COPY, run)
    assert world.key() != world.key(run)


def test_actions_of_one_shape_are_told_apart(world: World) -> None:
    fetch = Fetch("https://a.example/r.git", "/to", "1:2", "755", "abc", True, ("x",))
    clone = Clone(Repository("https://a.example/r.git", "abc", True), "/to", "1:2", "755", ("x",))
    assert world.key(fetch) != world.key(clone)


def test_proxies_do_not_count_unless_they_are_declared(world: World) -> None:
    def key(proxy: str, env: tuple[tuple[str, str], ...] = ()) -> str:
        proxies = (("HTTP_PROXY", proxy), ("http_proxy", proxy)) if proxy else ()
        return world.key(RunCommand(("make",), (("A", "1"), *env), "/", "", proxies=proxies))

    assert key("http://one:1") == key("http://two:2") == key("")
    # By ARG (Dockerfile reference, "Predefined ARGs": changing it invalidates the cache) or ENV, of the value
    # that the job has, too.
    values = ("http://one:1", "http://two:2")
    declared = [key("http://one:1", (("HTTP_PROXY", value),)) for value in values]
    assert len({*declared, key("http://one:1")}) == 3


def _image(*names: str, platform: str = "amd64") -> Image:
    image = scratch(Platform("linux", platform))
    for name in names:
        image = image.append(layer(name), History(created_by=name))
    return image


def test_what_a_step_stands_on_counts() -> None:
    made = Made(Compression("gzip"))
    found = [
        inputs_of_stage(_image("a", "b"), 1, made),
        inputs_of_stage(_image("a", "c"), 1, made),
        inputs_of_stage(_image("c", "b"), 1, made),
        inputs_of_stage(_image("b", "a"), 1, made),
        inputs_of_stage(_image("a", "b"), 2, made),
        inputs_of_stage(_image("a", "b"), 0, made),
        inputs_of_stage(_image("a", "b", "b"), 1, made),
        inputs_of_stage(_image("a"), 1, made),
        inputs_of_stage(_image(), 0, made),
        inputs_of_stage(_image("a", "b", platform="arm64"), 1, made),
    ]
    assert len({key_of(inputs) for inputs in found}) == len(found)


def test_how_a_layer_is_written_counts() -> None:
    sample = Made(Compression("gzip", 1), Times(1, 2))
    before = key_of(inputs_of_form(_image(), sample))
    for where, changed in changes(sample):
        assert key_of(inputs_of_form(_image(), changed)) != before, where
    assert key_of(inputs_of_form(_image(), Made(Compression("gzip")))) != before
    others = [key_of(inputs_of_stage(_image(), 0, made)) for made in (sample, Made(Compression("zstd")))]
    assert others[0] != others[1]
    for field in dataclasses.fields(Platform):
        other = dataclasses.replace(_image().config.platform, **{field.name: "x"})
        image = dataclasses.replace(_image(), config=ImageConfig(other))
        assert key_of(inputs_of_form(image, sample)) != before


def test_the_history_and_config_below_do_not_count() -> None:
    made = Made(Compression("gzip"))
    image = _image("a")
    other = image.with_history(History(created_by="LABEL x=y", empty_layer=True))
    other = other.with_config(other.config.with_run(RunConfig(labels=(("x", "y"),))))
    assert key_of(inputs_of_stage(image, 1, made)) == key_of(inputs_of_stage(other, 1, made))
