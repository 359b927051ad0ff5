"""``plan``: what a build would do, without doing it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cache.workbench import Bench, make_bench, step
from tests.golden.cli_plans import rendered
from tests.servers import bases
from tests.servers.bases import Base
from tests.servers.registry import RunningRegistry


@pytest.mark.parametrize(("path", "text"), [pytest.param(*item, id=item[0].name) for item in rendered()])
def test_it_says_the_same(path: Path, text: str) -> None:
    assert text == path.read_text(encoding="utf-8")


@pytest.fixture
def bench(busybox: Base, tmp_path: Path) -> Bench:
    return make_bench(tmp_path, busybox)


@pytest.mark.commands
def test_what_is_unpacked_and_pushed(bench: Bench, anonymous_registry: RunningRegistry) -> None:
    reference = bases.push(bench.base, anonymous_registry.host)
    host = anonymous_registry.host
    options = (
        *(f"--build-context=busybox=docker-image://{reference}", f"--tag={host}/plan/app:1", "--push"),
        f"--cache-repo={host}/plan/cache",
    )
    asked = len(anonymous_registry.requests())
    found = bench.look_json("plan", *options)
    assert [item["what"] for item in found["unpacked"]] == ["for stage 0 tools", "for stage 2 app"]
    assert step(found, "COPY src /src")["does"] == ["copy"]
    assert step(found, "WORKDIR /work")["does"] == ["make"]
    assert step(found, "RUN echo version $VERSION > /version")["does"] == ["run"]
    (pushed,) = found["pushed"]
    base = found["unpacked"][0]["bytes"]
    # The base lies in the same registry: it is mounted.
    assert pushed["mounted"] == {"layers": 1, "bytes": base}
    assert (pushed["there"]["layers"], pushed["uploaded"]["layers"], pushed["new"]) == (0, 0, 5)
    assert found["caches"]["written"] == found["caches"]["read"] != []
    done = anonymous_registry.requests()[asked:]
    assert {line.split()[0] for line in done} <= {"GET", "HEAD"}
    # Of the base its config only.
    assert len([line for line in done if line.startswith("GET") and "/blobs/" in line]) == 1

    bench.look("build", *options)
    found = bench.look_json("plan", *options)
    assert found["unpacked"] == []
    (pushed,) = found["pushed"]
    assert pushed["there"]["layers"] == 6
    assert (pushed["mounted"]["layers"], pushed["uploaded"]["layers"], pushed["new"]) == (0, 0, 0)

    bench.write("src/a", "another\n")
    found = bench.look_json("plan", *options, f"--tag={host}/plan/other:1")
    assert [item["what"] for item in found["unpacked"]] == ["for stage 2 app", "to copy from stage 0 tools"]
    first, second = found["pushed"]
    assert (first["there"]["layers"], first["new"]) == (1, 5)
    assert (second["mounted"]["layers"], second["new"]) == (1, 5)


def test_what_cannot_be_asked_is_said(bench: Bench) -> None:
    found = bench.look_json("plan", "--tag=127.0.0.1:1/app", "--push", "--registry-retries=0")
    (pushed,) = found["pushed"]
    assert "cannot reach 127.0.0.1:1" in pushed["problem"]
    assert pushed["new"] == 5
