"""Where caches lie: beside other things, which they leave alone and are no part of."""

from __future__ import annotations

import json
import tarfile

import pytest

from tests.cache.bench import Bench

pytestmark = [pytest.mark.root, pytest.mark.commands]


def test_a_cache_in_the_contexts_own_folder(bench: Bench) -> None:
    bench.write({"Dockerfile": "FROM scratch\nCOPY . /\n", "word": "text"})
    local = (f"--cache-from=type=local,src={bench.context}", f"--cache-to=type=local,dest={bench.context}")
    for status in ("DONE", "CACHED"):
        out = f"--output=type=tar,dest={bench.folder}/out.tar"
        outcome = bench.build(*local, out, push=False, isolation="none")
        assert list(outcome.steps.values()) == [status]
        with tarfile.open(bench.folder / "out.tar") as archive:
            assert sorted(archive.getnames()) == ["Dockerfile", "word"]
    # What is no folder is told, and stays a part of the context.
    outcome = bench.build(
        *(f"--cache-from=type=local,src={bench.context}/word", out), push=False, isolation="none"
    )
    assert "not in the build context" not in outcome.text


def test_folders_of_caches_are_no_part_of_the_context(bench: Bench) -> None:
    """Nor the folders that are there only for them."""
    bench.write({"Dockerfile": "FROM scratch\nCOPY . /\n", "deep/file": "text"})
    places = [(f"--cache-from=type=local,src={bench.context}/{name}", name) for name in ("deep/a/b/c", "x/y")]
    local = [option for source, name in places for option in (source, source.replace("from", "to", 1))]
    local = [option.replace(",src=", ",dest=") if "-to" in option else option for option in local]
    for status in ("DONE", "CACHED"):
        out = f"--output=type=tar,dest={bench.folder}/out.tar"
        outcome = bench.build(*local, out, push=False, isolation="none")
        assert list(outcome.steps.values())[-1] == status, outcome.text
        with tarfile.open(bench.folder / "out.tar") as archive:
            assert sorted(archive.getnames()) == ["Dockerfile", "deep", "deep/file"]
    assert (bench.context / "x/y/index.json").exists()


def test_a_cache_takes_the_place_of_no_image(bench: Bench) -> None:
    bench.write({"Dockerfile": "FROM BASE\nCOPY word /word\n", "word": "one"})
    bench.build()
    before = bench.inspected("--raw", "app:1")
    place = f"type=registry,ref={bench.host}/app:1"
    outcome = bench.build(f"--cache-to={place}", f"--output=type=tar,dest={bench.folder}/out", push=False)
    (warning,) = outcome.warnings
    assert "app:1 is an image and no cache, so it is not replaced" in warning
    assert bench.inspected("--raw", "app:1") == before
    # Both at once: the image comes first.
    outcome = bench.build(f"--cache-to={place}")
    assert "is an image and no cache" in outcome.text
    assert "annotations" not in bench.inspected("--raw", "app:1")
    layout = bench.folder / "layout"
    output = f"--output=type=oci,tar=false,name=app:latest,dest={layout}"
    outcome = bench.build(output, f"--cache-to=type=local,dest={layout}", push=False)
    assert "is an image and no cache" in outcome.text
    bench.build(output, f"--cache-to=type=local,dest={layout},tag=cache", push=False)
    entries = json.loads((layout / "index.json").read_text())["manifests"]
    assert len(entries) == 2
