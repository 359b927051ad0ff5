"""``explain``: every step is found or not, and what differs is named in full."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cache.workbench import Bench, inputs, make_bench, statuses, step
from tests.servers.bases import Base

pytestmark = pytest.mark.commands


@pytest.fixture(scope="module")
def bench(busybox: Base, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """A project whose last build is in a local cache; tests give back what they change."""
    made = make_bench(tmp_path_factory.mktemp("explain"), busybox)
    made.look("build", f"--cache-to=type=local,dest={made.folder / 'cache'},mode=max")
    return made


def source(bench: Bench) -> str:
    return f"--cache-from=type=local,src={bench.folder / 'cache'}"


def test_a_build_as_before_is_found(bench: Bench) -> None:
    found = bench.look_json("explain", source(bench))
    assert [item["number"] for item in found["stages"]] == [0, 2]
    assert [item["needed"] for item in found["stages"]] == [False, True]
    assert statuses(found, 2) == ["hit"] * 5
    entry = step(found, "COPY src /src")["entry"]
    assert entry["digest"].startswith("sha256:")
    assert entry["size"] > 0
    text = bench.look("explain", source(bench))
    assert "not looked at" in text
    assert "  hit        8  COPY src /src\n" in text


def test_every_file_that_changed_is_named(bench: Bench) -> None:
    bench.write("src/a", "other\n")
    bench.write("src/new", "new\n")
    try:
        found = bench.look_json("explain", source(bench))
        text = bench.look("explain", source(bench))
    finally:
        bench.write("src/a", "a\n")
        (bench.context / "src/new").unlink()
    missed = step(found, "COPY src /src")
    assert missed["status"] == "missed"
    assert inputs(missed) == [("file src/a", "changed"), ("file src/new", "added")]
    assert missed["entry"]["title"] == "COPY src /src"
    # What comes after it may be found still; what is linked stands on nothing below.
    assert statuses(found, 2) == ["missed", "open", "open", "hit", "open"]
    assert statuses(found, 0) == ["hit"]
    assert "  changed  file src/a\n" in text
    assert "  added    file src/new\n" in text


def test_a_build_arg_and_what_it_changes(bench: Bench) -> None:
    found = bench.look_json("explain", source(bench), "--build-arg=VERSION=2")
    assert statuses(found, 2) == ["hit", "missed", "open", "hit", "open"]
    missed = step(found, "RUN echo version $VERSION > /version")
    assert inputs(missed) == [("variable VERSION", "changed")]
    assert missed["reason"] == "the variable VERSION has another value"


def test_an_instruction_that_changed_is_compared_with_what_it_was(bench: Bench) -> None:
    before = (bench.context / "Dockerfile").read_text()
    bench.write("Dockerfile", before.replace("echo version", "echo Version"))
    try:
        found = bench.look_json("explain", source(bench))
    finally:
        bench.write("Dockerfile", before)
    missed = step(found, "RUN echo Version $VERSION > /version")
    assert missed["status"] == "missed"
    assert missed["entry"]["title"] == "RUN echo version $VERSION > /version"
    assert ("argv", "changed") in inputs(missed)


def test_another_stage_may_turn_out_as_it_was(bench: Bench) -> None:
    found = bench.look_json("explain", source(bench), "--build-arg=TOOL=2")
    assert statuses(found, 0) == ["missed"]
    assert step(found, "COPY --from=tools /tool /tool")["status"] == "open"
    assert inputs(step(found, "COPY --from=tools /tool /tool")) == [("files of another stage", "changed")]
    # So it does: the file is the same.
    text = bench.look("build", source(bench), "--build-arg=TOOL=2")
    assert "COPY --from=tools /tool /tool" in text
    assert "not in the cache: the instruction before" not in text


def test_without_a_cache_and_with_no_cache(bench: Bench) -> None:
    found = bench.look_json("explain")
    assert set(statuses(found, 2)) == {"missed"}
    assert "--cache-repo" in step(found, "COPY src /src")["reason"]
    found = bench.look_json("explain", source(bench), "--no-cache-filter=app")
    assert set(statuses(found, 2)) == {"missed"}
    assert step(found, "COPY src /src")["reason"] == "it is asked to be built anew"
    assert statuses(found, 0) == ["hit"]


def test_nothing_is_done(bench: Bench, tmp_path: Path) -> None:
    data = tmp_path / "data"
    bench.say(
        *("explain", "-q", f"--build-context=busybox=oci-layout://{bench.base.layout}"),
        *(f"--cache-to=type=local,dest={tmp_path / 'cache'}", f"--iidfile={tmp_path / 'id'}"),
        str(bench.context),
        home=str(data),
    )
    assert list(tmp_path.iterdir()) == []


def test_what_else_is_asked_for_is_refused(bench: Bench) -> None:
    assert "use the command build" in bench.look("explain", "--check", code=2)
