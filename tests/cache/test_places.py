"""Where caches lie: beside other things, which they leave alone and are no part of."""

from __future__ import annotations

import hashlib
import json
import subprocess
import tarfile
import time
from pathlib import Path

import pytest

from ci_builder.build.own_folders import without_own_folders
from ci_builder.context.context import Context
from tests.cache.bench import Bench
from tests.servers.breaking_proxy import Rewrite

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


def test_what_is_no_cache_stays_in_the_context(bench: Bench) -> None:
    """Neither a folder with other things in it, nor files that are called as a layout's are."""
    mine = {"index.json": "mine", "blobs/x": "mine", "assets/a": "mine"}
    bench.write({"Dockerfile": "FROM scratch\nCOPY . /\n", **mine})
    out = f"--output=type=tar,dest={bench.folder}/out.tar"
    places = (
        f"--cache-from=type=local,src={bench.context}",
        f"--cache-from=type=local,src={bench.context}/assets",
    )
    for place in (*places, places[1].replace("-from", "-to").replace("src=", "dest=")):
        bench.build(place, out, push=False, isolation="none")
        with tarfile.open(bench.folder / "out.tar") as archive:
            assert set(mine) <= set(archive.getnames())
    bench.build(out, push=False, isolation="none")
    # The cache that was written beside them is no part of the context again, nor what a stopped build left.
    (bench.context / "assets/.new-abc").write_text("half")
    bench.build(places[1], out, push=False, isolation="none")
    with tarfile.open(bench.folder / "out.tar") as archive:
        names = archive.getnames()
    assert "assets/a" in names
    assert not {"assets/index.json", "assets/.new-abc"} & set(names)


def test_a_manifest_that_comes_garbled_is_not_replaced(bench: Bench) -> None:
    bench.write({"Dockerfile": "FROM BASE\nCOPY word /word\n", "word": "one"})
    bench.build()
    before = bench.inspected("--raw", "app:1")
    bench.proxy.breaks(Rewrite(b"[", 0), "GET", "/app/manifests/1", 9)
    place = f"type=registry,ref={bench.host}/app:1"
    outcome = bench.build(f"--cache-to={place}", f"--output=type=tar,dest={bench.folder}/out", push=False)
    assert any("is not written" in warning for warning in outcome.warnings), outcome.text
    assert bench.inspected("--raw", "app:1") == before


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


def _blob(layout: Path, document: object) -> dict[str, object]:
    data = json.dumps(document).encode()
    name = hashlib.sha256(data).hexdigest()
    (layout / "blobs/sha256" / name).write_bytes(data)
    return {"digest": f"sha256:{name}", "size": len(data)}


@pytest.mark.parametrize("what", ["index", "artifact"])
def test_nor_of_what_is_no_image_for_this_platform(bench: Bench, what: str) -> None:
    bench.write({"Dockerfile": "FROM BASE\nCOPY word /word\n", "word": "one"})
    layout = bench.folder / "layout"
    bench.build(f"--output=type=oci,tar=false,dest={layout}", push=False)
    (entry,) = json.loads((layout / "index.json").read_text())["manifests"]
    if what == "index":
        kind = "application/vnd.oci.image.index.v1+json"
        manifests = [entry | {"platform": {"os": "plan9", "architecture": "arm"}, "annotations": {}}]
        document = {"schemaVersion": 2, "mediaType": kind, "manifests": manifests}
    else:
        kind = "application/vnd.oci.image.manifest.v1+json"
        config = _blob(layout, {"name": "chart"}) | {"mediaType": "application/vnd.cncf.helm.config.v1+json"}
        document = {"schemaVersion": 2, "mediaType": kind, "config": config, "layers": []}
    named = {"annotations": {"org.opencontainers.image.ref.name": "latest"}}
    index = {"schemaVersion": 2, "manifests": [_blob(layout, document) | {"mediaType": kind} | named]}
    (layout / "index.json").write_text(json.dumps(index))
    copy = ["skopeo", "copy", "-q", "--all", "--dest-tls-verify=false", f"oci:{layout}:latest"]
    subprocess.run([*copy, f"docker://{bench.server.host}/other:1"], check=True)
    registry = f"--cache-to=type=registry,ref={bench.host}/other:1,mode=max"
    outcome = bench.build(registry, f"--cache-to=type=local,dest={layout},mode=max")
    assert [("is an image and no cache" in warning) for warning in outcome.warnings] == [True, True]
    assert json.loads((layout / "index.json").read_text()) == index
    assert bench.inspected("--raw", "other:1") == document


def test_several_lost_layers_of_a_stage_that_is_not_needed(bench: Bench) -> None:
    """The cache is written all the same, without them."""
    stages = "FROM BASE AS b\n" + "".join(f"RUN echo {number} > /{number}\n" for number in range(4))
    bench.write({"Dockerfile": f"{stages}FROM BASE\nCOPY --from=b /0 /0\n"})
    kept = bench.folder / "kept"
    local = (f"--cache-from=type=local,src={kept}", f"--cache-to=type=local,dest={kept},mode=max")
    bench.build(*local, "--cache-ttl=100s")
    (entry,) = json.loads((kept / "index.json").read_text())["manifests"]
    manifest = json.loads((kept / "blobs" / entry["digest"].replace(":", "/")).read_text())
    for layer in manifest["layers"][1:3]:
        (kept / "blobs" / layer["digest"].replace(":", "/")).unlink()
    time.sleep(5)  # the 24th part of the time after which a layer is found no more
    outcome = bench.build(*local, "--cache-ttl=100s")
    assert outcome.warnings == []
    assert set(outcome.steps.values()) == {"CACHED"}
    (entry,) = json.loads((kept / "index.json").read_text())["manifests"]
    manifest = json.loads((kept / "blobs" / entry["digest"].replace(":", "/")).read_text())
    assert all((kept / "blobs" / layer["digest"].replace(":", "/")).exists() for layer in manifest["layers"])


def test_a_folder_that_becomes_a_cache_while_the_build_goes_on(tmp_path: Path) -> None:
    """As a long build writes on the way; what was there before stays in the context."""
    folder = tmp_path.resolve()
    (folder / "layers").mkdir()
    (folder / "layers/.gitkeep").touch()
    context = without_own_folders(Context("context", folder), folder / "elsewhere", [folder / "layers"])
    for name in ("layers/blobs", "layers/index.json", "layers/oci-layout", "layers/.cache-lock"):
        assert context.ignore.excludes(name.encode()), name
    assert not context.ignore.excludes(b"layers/.gitkeep")


def test_a_folder_does_not_grow_for_ever(bench: Bench) -> None:
    """What is no more in a scope goes with the build that leaves it out."""
    place = bench.folder / "layers"
    options = (f"--cache-to=type=local,dest={place},mode=max", "--cache-ttl=1s")
    sizes = []
    for number in range(3):
        bench.write({"Dockerfile": f"FROM scratch\nCOPY file /{number}\n", "file": f"{number}" * 100})
        bench.build(*options, f"--output=type=tar,dest={bench.folder}/out.tar", push=False, isolation="none")
        sizes.append(len(list((place / "blobs/sha256").iterdir())))
        time.sleep(2.1)
    assert sizes == [3, 3, 3]


def test_a_cache_in_a_named_context(bench: Bench) -> None:
    source = bench.folder / "named"
    source.mkdir()
    (source / "file").touch()
    bench.write({"Dockerfile": "FROM scratch\nCOPY --from=src . /\n"})
    options = [f"--cache-from=type=local,src={source}/c", f"--cache-to=type=local,dest={source}/c"]
    for status in ("DONE", "CACHED", "CACHED"):
        out = f"--output=type=tar,dest={bench.folder}/out.tar"
        outcome = bench.build(*options, f"--build-context=src={source}", out, push=False, isolation="none")
        assert list(outcome.steps.values()) == [status]
        with tarfile.open(bench.folder / "out.tar") as archive:
            assert archive.getnames() == ["file"]
