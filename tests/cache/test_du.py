"""``du``: what takes the room, shared layers counted once."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ci_builder.registry.client import Registry
from tests.cache.held import record, write
from tests.cache.workbench import Bench
from tests.servers.bases import Base
from tests.servers.registry import RunningRegistry


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    (tmp_path / "bench").mkdir()
    return Bench(tmp_path / "bench", Base("none", tmp_path))


def test_a_repository(bench: Bench, anonymous_registry: RunningRegistry, registry: Registry) -> None:
    repository = f"{anonymous_registry.host}/du/cache"
    shared = record(1, made=3, used=2, size=40_000)
    write(registry, repository, "cache-a", shared, record(2, size=20_000))
    write(registry, repository, "cache-b", shared)
    (place,) = bench.json("du", "--cache-repo", repository)["places"]
    assert place["place"] == repository
    sizes = [scope["size"] for scope in place["scopes"]]
    assert [scope["scope"] for scope in place["scopes"]] == ["cache-a", "cache-b"]
    assert place["size"] == sizes[0] < sum(sizes)
    first = place["scopes"][0]["entries"][0]
    assert first["title"] == "app: RUN step 1"
    assert first["made"] < first["used"]
    assert first["blobs"] == [str(shared.layer.descriptor.digest)]
    text = bench.say("du", "--cache-repo", repository)
    assert re.search(r"^.*/du/cache: 3 entries, 6\d\.\d kB$", text, re.MULTILINE)
    assert re.search(r"^ +4\d\.\d kB  \d{4}-\d\d-\d\d \d\d:\d\d  .*  cache-b: 1$", text, re.MULTILINE)
    assert "    app: RUN step 2\n" in text


def test_a_password(bench: Bench, password_registry: RunningRegistry) -> None:
    text = bench.say("du", "--cache-repo", f"{password_registry.host}/du/cache", code=1)
    assert "there are no credentials" in text


def test_nothing_yet(bench: Bench, anonymous_registry: RunningRegistry) -> None:
    text = bench.say("du", "--cache-repo", f"{anonymous_registry.host}/du/nothing")
    assert text == f"{anonymous_registry.host}/du/nothing: 0 entries, 0 B\n"
    assert bench.say("du").count("0 entries, 0 B\n") == 2
    assert "--only is for" in bench.say("du", "--only=images", "--cache-repo=example.com/x", code=2)


@pytest.mark.commands
def test_what_builds_leave_here(busybox: Base, tmp_path: Path) -> None:
    bench = Bench(tmp_path, busybox)
    bench.write(
        "Dockerfile",
        "FROM busybox\nRUN --mount=type=cache,target=/root/.cache echo text > /root/.cache/file\n",
    )
    bench.look("build", "--tag=example.com/app:1")
    store, mounts = bench.json("du")["places"]
    assert [entry["title"] for entry in store["scopes"][0]["entries"]] == ["example.com/app:1"]
    assert store["size"] > 1_000_000
    (entry,) = mounts["scopes"][0]["entries"]
    assert (entry["title"], entry["size"]) == ("/root/.cache", 5)
    assert entry["used"] >= entry["made"] > 1_600_000_000
    (only,) = bench.json("du", "--only=cache-mounts")["places"]
    assert only == mounts
