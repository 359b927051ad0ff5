"""Layers that a cache knows of and has no more: told as that, and taken from another cache that has them."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from tests.cache.bench import Bench
from tests.cache.workbench import Bench as Workbench
from tests.cache.workbench import make_bench, statuses
from tests.servers.bases import Base

pytestmark = [pytest.mark.root, pytest.mark.commands]
_DOCKERFILE = "FROM BASE\nCOPY word /word\nRUN cat /word > /out\nRUN echo more > /more\n"
_GONE = "its layer is no longer there"


@pytest.fixture
def project(bench: Bench) -> Bench:
    """Cached, in a registry and in a folder."""
    bench.write({"Dockerfile": _DOCKERFILE, "word": "word\n"})
    bench.cached(f"--cache-to=type=local,dest={bench.folder / 'kept'},mode=max")
    return bench


def _empty(folder: Path) -> None:
    for blob in (folder / "blobs/sha256").iterdir():
        if blob.read_bytes()[:2] == b"\x1f\x8b":
            blob.unlink()


def _reasons(text: str) -> list[str]:
    return [line.rpartition("not in the cache: ")[2] for line in text.splitlines() if "not in the" in line]


def test_all_that_a_registry_lost_is_told(project: Bench) -> None:
    for record in project.records():
        project.remove_blob(record["digest"])
    source = project.places()[0]
    # What is pushed is new: where the image's repository has the layers, they are only named.
    target = ("-t", f"{project.host}/other:1", "--output=type=oci,dest=" + str(project.folder / "image.tar"))
    outcome = project.build(source, *target, push=False)
    assert outcome.warnings == []
    assert _reasons(outcome.text) == [_GONE] * 3


def test_all_that_a_folder_lost_is_told(project: Bench) -> None:
    kept = project.folder / "kept"
    _empty(kept)
    other = f"--cache-to=type=local,dest={project.folder / 'other'},mode=max"
    outcome = project.build(f"--cache-from=type=local,src={kept}", other)
    assert _reasons(outcome.text) == [_GONE] * 3


def test_another_cache_has_them(project: Bench) -> None:
    kept, copy = project.folder / "kept", project.folder / "copy"
    shutil.copytree(kept, copy)
    _empty(kept)
    sources = [f"--cache-from=type=local,src={folder}" for folder in (kept, copy)]
    outcome = project.build(*sources, f"--output=type=oci,dest={project.folder}/image.tar", push=False)
    assert set(outcome.steps.values()) == {"CACHED"}
    assert _reasons(outcome.text) == []
    # Two registries, or two tags of one, are the same to it.
    for record in project.records():
        project.remove_blob(record["digest"])
    sources = [project.places()[0], sources[1]]
    outcome = project.build(*sources, f"--output=type=oci,dest={project.folder}/image.tar", push=False)
    assert set(outcome.steps.values()) == {"CACHED"}


def test_explain_says_it(busybox: Base, tmp_path: Path) -> None:
    made = make_bench(tmp_path, busybox)
    kept = made.folder / "cache"
    made.look("build", f"--cache-to=type=local,dest={kept},mode=max")
    whole = _explained(made, kept)
    assert statuses(whole, 2) == ["hit"] * 5
    _empty(kept)
    found = _explained(made, kept)
    steps = [item for stage in found["stages"] for item in stage["steps"]]
    assert {item["status"] for item in steps} == {"missed"}
    assert {item["reason"] for item in steps} == {_GONE}
    (kept / "index.json").write_text("broken")
    found = _explained(made, kept)
    reasons = {item["reason"] for stage in found["stages"] for item in stage["steps"]}
    assert reasons == {"the cache could not be read"}


def _explained(bench: Workbench, kept: Path) -> dict[str, list[dict[str, list[dict[str, str]]]]]:
    found: dict[str, list[dict[str, list[dict[str, str]]]]] = bench.look_json(
        "explain", f"--cache-from=type=local,src={kept}"
    )
    return found


def test_a_broken_folder_is_begun_anew(project: Bench) -> None:
    kept = project.folder / "kept"
    local = (f"--cache-from=type=local,src={kept}", f"--cache-to=type=local,dest={kept},mode=max")
    for name, content in (("index.json", ""), ("index.json", "[]"), ("oci-layout", "")):
        (kept / name).write_text(content)
        assert len(project.build(*local).warnings) == 1
        outcome = project.build(*local)
        assert outcome.warnings == []
        assert set(outcome.steps.values()) == {"CACHED"}
    # Somebody's folder, and a layout of a later time, are left alone.
    for name, content, also in (
        ("index.json", "x", "mine"),
        ("oci-layout", '{"imageLayoutVersion":"2"}', ""),
    ):
        (kept / name).write_text(content)
        if also:
            (kept / also).write_text("")
        assert project.build(*local).warnings
        assert (kept / name).read_text() == content
        shutil.rmtree(kept)
        project.build(*local)


def test_folders_that_nothing_is_taken_from(busybox: Base, tmp_path: Path) -> None:
    """They are no part of a COPY --parents with a pattern."""
    made = make_bench(tmp_path, busybox)
    made.write("Dockerfile", "FROM busybox\nCOPY --parents d/sub/*.txt /p/\nCOPY --parents d/**/z /q/\n")
    for name in ("d/sub/a.txt", "d/sub/deep/b.md", "d/in/z"):
        made.write(name, name)
    kept = made.folder / "cache"
    made.look("build", f"--cache-to=type=local,dest={kept},mode=max")
    (made.context / "d/sub/deep").chmod(0o1777)
    (made.context / "d/empty/deeper").mkdir(parents=True)
    assert statuses(_explained(made, kept), 0) == ["hit", "hit"]
    (made.context / "d/in").chmod(0o700)
    assert statuses(_explained(made, kept), 0) == ["hit", "missed"]


_RANDOM = "FROM busybox\nRUN head -c 100000 /dev/urandom > /a\nRUN md5sum < /a > /b\n"


def _records(folder: Path) -> list[dict[str, Any]]:
    index = json.loads((folder / "index.json").read_bytes())
    manifest = json.loads(_blob(folder, index["manifests"][0]["digest"]).read_bytes())
    config = json.loads(_blob(folder, manifest["config"]["digest"]).read_bytes())
    found: list[dict[str, Any]] = config["ci_builder.cache"]["records"]
    return found


def _blob(folder: Path, digest: str) -> Path:
    return folder / "blobs" / digest.replace(":", "/")


def _cached(busybox: Base, folder: Path) -> tuple[Workbench, Path, tuple[str, str]]:
    """A bench that has built _RANDOM, the cache in a folder, and the options that read and write it."""
    made = make_bench(folder, busybox)
    made.write("Dockerfile", _RANDOM)
    kept = made.folder / "cache"
    place = (f"--cache-from=type=local,src={kept}", f"--cache-to=type=local,dest={kept}")
    made.look("build", *place)
    return made, kept, place


def test_what_was_made_on_another_layer_is_not_found_by_the_lost_one(busybox: Base, tmp_path: Path) -> None:
    made, kept, place = _cached(busybox, tmp_path)
    (first, second) = _records(kept)
    _blob(kept, first["digest"]).unlink()
    made.look("build", *place)
    new = [record for record in _records(kept) if record["digest"] not in (first["digest"], second["digest"])]
    assert len(new) == 2
    for record in new:
        if "md5sum" in record["title"]:
            assert not set(record["keys"]) & set(second["keys"])


def test_nothing_older_takes_the_place_of_what_was_made_anew(busybox: Base, tmp_path: Path) -> None:
    made, kept, place = _cached(busybox, tmp_path)
    before = {record["digest"] for record in _records(kept)}
    time.sleep(1.1)  # times are whole seconds
    made.look("build", *place, "--no-cache")
    for record in _records(kept):
        if record["digest"] not in before:
            _blob(kept, record["digest"]).unlink()
    assert made.look("build", *place).count("CACHED") == 0
