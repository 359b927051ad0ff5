"""kaniko's argument list with a cache of layers, as its users give it."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from tests.compare.builders import run_ours
from tests.servers.bases import Base
from tests.servers.registry import RunningRegistry

pytestmark = [pytest.mark.root, pytest.mark.commands]

Executor = Callable[..., list[str]]


@pytest.fixture
def executor(tmp_path: Path, busybox: Base, anonymous_registry: RunningRegistry) -> Executor:
    """Builds a Dockerfile with a COPY and a RUN, each time from a fresh checkout; returns what became of
    each step: DONE or CACHED."""
    base = f"{anonymous_registry.host}/kaniko/busybox:1"
    copy = ["skopeo", "copy", "--quiet", "--dest-tls-verify=false", f"oci:{busybox.layout}:latest"]
    subprocess.run([*copy, f"docker://{base}"], check=True)
    context = tmp_path / "context"
    context.mkdir()
    (context / "Dockerfile").write_text(f"FROM {base}\nCOPY word /word\nRUN cat /word > /copy\n")
    moments = iter(range(1_000_000_000, 2_000_000_000))

    def build(*flags: str) -> list[str]:
        (context / "word").write_text("word\n")
        moment = next(moments)
        os.utime(context / "word", (moment, moment))
        done = run_ours(["executor", f"--context={context}", "--log-format=text", *flags], home=tmp_path)
        assert done.code == 0, done.text
        steps = re.findall(r"^#(\d+) \[stage-0 \d/2\]", done.text, re.MULTILINE)
        ends = dict(re.findall(r"^#(\d+) (DONE|CACHED)", done.text, re.MULTILINE))
        return [ends[number] for number in steps]

    return build


def tags(registry: RunningRegistry, repository: str) -> list[str]:
    """Without what makes each unlike every other."""
    answer = requests.get(f"{registry.url}/v2/{repository}/tags/list", timeout=10)
    return [tag.rpartition("-")[0] for tag in answer.json().get("tags", ())]


def test_beside_the_destination(executor: Executor, anonymous_registry: RunningRegistry) -> None:
    image = f"--destination={anonymous_registry.host}/kaniko/beside"
    assert executor(image + ":1", "--cache=true") == ["DONE", "DONE"]
    assert executor(image + ":2", "--cache") == ["CACHED", "CACHED"]
    assert tags(anonymous_registry, "kaniko/beside/cache") == ["cache-linux-amd64"]
    assert executor(image + ":3", "--cache", "--cache-ttl=0") == ["DONE", "DONE"]
    assert executor(image + ":4") == ["DONE", "DONE"]


def test_a_repository_of_its_own_without_pushing(
    executor: Executor, anonymous_registry: RunningRegistry
) -> None:
    place = f"--cache-repo={anonymous_registry.host}/kaniko/store"
    flags = ("--no-push", "--cache=true", place)
    assert executor(*flags, "--no-push-cache") == ["DONE", "DONE"]
    assert tags(anonymous_registry, "kaniko/store") == []
    assert executor(*flags) == ["DONE", "DONE"]
    assert executor(*flags, "--no-push-cache") == ["CACHED", "CACHED"]
    # Another image, in the same place.
    image = f"--destination={anonymous_registry.host}/kaniko/other:1"
    assert executor(image, "--cache", place) == ["CACHED", "CACHED"]


def test_kinds_of_layers(executor: Executor, anonymous_registry: RunningRegistry) -> None:
    flags = ("--no-push", "--cache", f"--cache-repo={anonymous_registry.host}/kaniko/kinds")
    assert executor(*flags) == ["DONE", "DONE"]
    assert executor(*flags, "--cache-run-layers=false") == ["CACHED", "DONE"]
    # The COPY gives a layer with the times of this checkout, and the RUN stands on another one.
    assert executor(*flags, "--cache-copy-layers=false") == ["DONE", "DONE"]
    fixed = (*flags, "--cache-copy-layers=false", "--reproducible")
    assert executor(*fixed) == ["DONE", "DONE"]
    assert executor(*fixed) == ["DONE", "CACHED"]


def test_a_folder(executor: Executor, tmp_path: Path) -> None:
    flags = ("--no-push", "--cache", f"--cache-repo=oci:{tmp_path}/layers")
    assert executor(*flags) == ["DONE", "DONE"]
    assert executor(*flags) == ["CACHED", "CACHED"]
    assert (tmp_path / "layers/index.json").is_file()


def test_in_the_image(executor: Executor, anonymous_registry: RunningRegistry, tmp_path: Path) -> None:
    image = f"{anonymous_registry.host}/kaniko/inline:1"
    executor(f"--destination={image}", "--build-arg=BUILDKIT_INLINE_CACHE=1")
    words = ["build", "--progress=plain", f"--cache-from={image}", f"{tmp_path}/context"]
    done = run_ours(words, home=tmp_path)
    assert (done.code, done.text.count("CACHED")) == (0, 2), done.text
