"""A cache in a real registry: what is found again, what moves for it, and why something is not found."""

from __future__ import annotations

import hashlib
import json
import os
import tarfile
from typing import Any

import pytest

from tests.cache.bench import Bench, Outcome
from tests.servers.answering import serve_answers
from tests.servers.breaking_proxy import Rewrite

pytestmark = [pytest.mark.root, pytest.mark.commands]

_STAGES = """\
FROM BASE AS build
ARG LEVEL=1
COPY source /source
RUN echo built with $LEVEL > /log && cat /source > /out
FROM BASE AS app
COPY word /word
RUN echo a > /a
COPY --from=build /out /out
"""


_LIGHT = "FROM scratch AS app\nCOPY word /word\nCOPY source /source\n"
"""Runs nothing and needs no base."""


def _project(bench: Bench, dockerfile: str = _STAGES) -> None:
    bench.write({"Dockerfile": dockerfile, "word": "word\n", "source": "source\n"})


def _reason(outcome: Outcome, label: str) -> str:
    start = f"{label}: not in the cache: "
    (line,) = [line for line in outcome.text.splitlines() if line.startswith(start)]
    return line.removeprefix(start)


def _digests(bench: Bench, *names: str) -> set[str]:
    return {bench.manifest(name)["config"]["digest"] for name in names}


def _layers(bench: Bench, name: str) -> list[str]:
    return [layer["digest"] for layer in bench.manifest(name)["layers"]]


@pytest.mark.parametrize("place", ["min", "inline", "repository"])
def test_the_stage_that_the_last_one_begins_from(bench: Bench, place: str) -> None:
    """Its layers are the image's, wherever only those are kept."""
    _project(bench, "FROM BASE AS below\nRUN echo 1 > /1\nFROM below\nRUN echo 2 > /2\n")
    options = {
        "min": bench.places("min"),
        "inline": (f"--cache-from=type=registry,ref={bench.host}/app:1", "--cache-to=type=inline"),
        "repository": (f"--cache-repo={bench.host}/app",),
    }[place]
    bench.build(*options)
    assert set(bench.build(*options).steps.values()) == {"CACHED"}


def test_layers_of_other_targets_stay_out_of_the_images_repository(bench: Bench) -> None:
    bench.write(
        {
            "Dockerfile": "FROM BASE AS private\nRUN echo s3cret > /private\nFROM private AS test\n"
            "RUN echo report > /report\nFROM BASE AS app\nCOPY --from=private /etc/passwd /x\n"
        }
    )
    name = f"{bench.host}/app"
    files = f"--output=type=local,dest={bench.folder / 'files'},target=test"
    image = f"--output=type=registry,name={name}:1,target=app"
    bench.build(files, image, f"--cache-repo={name}", push=False)
    bench.build(files, image, f"--cache-to=type=registry,ref={name}:cache", push=False)
    found = [json.loads(blob) for blob in bench.blobs() if b"ci_builder.cache" in blob and blob[:1] == b"{"]
    records = [item["ci_builder.cache"]["records"] for item in found if "rootfs" in item]
    assert len(records) == 2
    assert {record["stage"] for each in records for record in each} == {"app"}


def test_private_stages_where_an_output_names_the_image(bench: Bench) -> None:
    _project(bench)
    output = f"--output=type=registry,name={bench.host}/app:1"
    bench.build(output, f"--cache-repo={bench.host}/app", push=False)
    tags = json.loads(bench.listed("app"))["Tags"]
    (scope,) = [tag for tag in tags if tag.startswith("cache-")]
    assert "COPY source /source" not in {record["title"] for record in bench.records(f"app:{scope}")}


@pytest.mark.parametrize("what", ["/manifests/main", "/cache/blobs/"])
def test_a_garbled_answer_while_it_is_written(bench: Bench, what: str) -> None:
    """Once: the records that are there are not taken for broken ones."""
    _project(bench)
    bench.cached()
    before = {record["title"] for record in bench.records()}
    bench.write({"word": "other\n"})
    repository = f"--cache-to=type=registry,ref={bench.host}/cache:main"
    bench.proxy.breaks(Rewrite(b"XXXX", 3), "GET", what)
    bench.build(f"{repository},mode=max", "--no-cache")
    assert {record["title"] for record in bench.records()} >= before
    assert len(bench.records()) > len(before)


@pytest.mark.parametrize("mode", ["min", "max"])
def test_a_second_build_moves_no_layer(bench: Bench, mode: str) -> None:
    _project(bench)
    first = bench.cached(mode=mode)
    assert set(first.steps.values()) == {"DONE"}
    pushed = bench.manifest("app:1")
    titles = {record["title"] for record in bench.records()}
    assert ("COPY source /source" in titles) == (mode == "max")
    second = bench.cached(mode=mode)
    # The stage that is copied from is neither built nor looked at, and no base unpacked.
    assert second.steps == {"app 1/3": "CACHED", "app 2/3": "CACHED", "app 3/3": "CACHED"}
    assert second.downloads(_digests(bench, "base/busybox:latest", "cache:main")) == []
    assert second.uploads() == []
    assert second.warnings == []
    assert bench.manifest("app:1") == pushed
    # The cache is not asked for its layers one by one.
    assert second.asked("HEAD", "/v2/cache/blobs/") == []
    assert len(second.seen) < 20
    # Into another repository of the registry, everything is mounted.
    other = bench.cached("-t", f"{bench.host}/other/app:2", mode=mode)
    assert other.downloads(_digests(bench, "base/busybox:latest", "cache:main")) == []
    assert other.uploads() == []
    assert len(other.asked("POST", r"/v2/other/app/blobs/uploads/\?mount=")) == 5
    assert bench.manifest("other/app:2") == pushed


def test_what_changed_is_said_and_only_that_is_done(bench: Bench) -> None:
    """Each change of an input is missed with its reason; what does not hang on it is found."""
    _project(bench)
    bench.cached()
    bench.write({"word": "other\n"})
    outcome = bench.cached()
    assert _reason(outcome, "app 1/3") == "the file 'word' changed"
    assert _reason(outcome, "app 2/3") == "an instruction before it gave another layer"
    assert outcome.steps["app 3/3"] == "DONE"
    # Its files are needed, and come out of its layers.
    assert (outcome.steps["build 1/2"], outcome.steps["build 2/2"]) == ("CACHED", "CACHED")
    assert "build base" not in outcome.steps
    bench.write({"word": "word\n"})
    assert set(bench.cached().steps.values()) == {"CACHED"}
    # A build arg of the stage that is copied from: its RUN is done again, what is copied is the same.
    outcome = bench.cached("--build-arg=LEVEL=2")
    assert _reason(outcome, "build 2/2") == "the variable LEVEL has another value"
    assert outcome.steps["build 1/2"] == "CACHED"
    assert outcome.steps["app 3/3"] == "CACHED"
    assert "app base" not in outcome.steps
    # From now on that is found by its recipe.
    outcome = bench.cached("--build-arg=LEVEL=2")
    assert outcome.steps == {"app 1/3": "CACHED", "app 2/3": "CACHED", "app 3/3": "CACHED"}
    bench.write({"Dockerfile": _STAGES.replace("echo a >", "echo b >")})
    outcome = bench.cached()
    assert _reason(outcome, "app 2/3") == "the instruction changed, which was: RUN echo a > /a"
    assert outcome.steps["app 1/3"] == "CACHED"
    bench.write({"Dockerfile": _STAGES, "source": "other\n"})
    outcome = bench.cached()
    assert _reason(outcome, "build 1/2") == "the file 'source' changed"
    assert outcome.steps["app 2/3"] == "CACHED"
    assert _reason(outcome, "app 3/3") == "the files of another stage changed"


def test_another_base(bench: Bench) -> None:
    _project(bench, "FROM BASE AS below\nRUN echo 1 > /below\n")
    bench.build("-t", f"{bench.host}/mine:latest")
    _project(bench, f"FROM {bench.host}/mine\nCOPY word /word\nRUN true > /a\n")
    bench.cached()
    _project(bench, "FROM BASE AS below\nRUN echo 2 > /below\n")
    bench.build("-t", f"{bench.host}/mine:latest")
    _project(bench, f"FROM {bench.host}/mine\nCOPY word /word\nRUN true > /a\n")
    outcome = bench.cached()
    assert _reason(outcome, "stage-0 1/2") == "the base image is another one"
    assert set(outcome.steps.values()) == {"DONE"}


def test_building_anew(bench: Bench) -> None:
    _project(bench)
    bench.cached()
    outcome = bench.cached("--no-cache")
    assert set(outcome.steps.values()) == {"DONE"}
    assert "not in the cache" not in outcome.text
    outcome = bench.cached("--no-cache-filter=build")
    assert outcome.steps["build 1/2"] == outcome.steps["build 2/2"] == "DONE"
    # Its files are the same.
    assert {how for label, how in outcome.steps.items() if label.startswith("app")} == {"CACHED"}
    outcome = bench.cached("--no-cache-filter=app")
    assert outcome.steps["app 1/3"] == outcome.steps["app 3/3"] == "DONE"
    outcome = bench.build("--no-cache-filter=nobody", code=2)
    assert "there is no stage 'nobody'" in outcome.text
    # What was built anew is found again.
    assert set(bench.cached().steps.values()) == {"CACHED"}


def _age(bench: Bench, seconds: int) -> None:
    """Make every record in the local cache as old as that."""
    layout = bench.folder / "kept"
    index = json.loads((layout / "index.json").read_text())

    def rewritten(digest: str, change: Any) -> dict[str, Any]:
        value = json.loads((layout / "blobs" / digest.replace(":", "/")).read_text())
        change(value)
        data = json.dumps(value).encode()
        name = hashlib.sha256(data).hexdigest()
        (layout / "blobs/sha256" / name).write_bytes(data)
        return {"digest": f"sha256:{name}", "size": len(data)}

    def older(config: dict[str, Any]) -> None:
        for record in config["ci_builder.cache"]["records"]:
            record["used"] -= seconds
            record["made"] -= seconds

    def manifest(value: dict[str, Any]) -> None:
        value["config"] |= rewritten(value["config"]["digest"], older)

    index["manifests"][0] |= rewritten(index["manifests"][0]["digest"], manifest)
    (layout / "index.json").write_text(json.dumps(index))


def test_a_folder_and_its_ages(bench: Bench) -> None:
    _project(bench, _LIGHT)
    local = (
        f"--cache-from=type=local,src={bench.folder}/kept",
        f"--cache-to=type=local,dest={bench.folder}/kept",
    )
    first = bench.build(*local, push=False, isolation="none")
    assert set(first.steps.values()) == {"DONE"}
    assert set(bench.build(*local, push=False, isolation="none").steps.values()) == {"CACHED"}
    _age(bench, 1800)
    # It is used within its hour, and stays for another one.
    hour = (*local, "--cache-ttl=1h")
    assert set(bench.build(*hour, push=False, isolation="none").steps.values()) == {"CACHED"}
    _age(bench, 2400)
    assert set(bench.build(*hour, push=False, isolation="none").steps.values()) == {"CACHED"}
    _age(bench, 3700)
    assert set(bench.build(*local, "--cache-ttl=0", push=False, isolation="none").steps.values()) == {
        "CACHED"
    }
    outcome = bench.build(*hour, push=False, isolation="none")
    assert "CACHED" not in outcome.steps.values()
    assert _reason(outcome, "app 1/2") == "it was in the cache for too long, or its layer is gone"
    # By default it is two weeks, counted from the last use.
    _age(bench, 13 * 24 * 3600)
    assert set(bench.build(*local, push=False, isolation="none").steps.values()) == {"CACHED"}
    _age(bench, 13 * 24 * 3600)
    assert set(bench.build(*local, push=False, isolation="none").steps.values()) == {"CACHED"}
    _age(bench, 15 * 24 * 3600)
    assert "CACHED" not in bench.build(*local, push=False, isolation="none").steps.values()


def test_stages_that_are_not_needed_do_not_grow_old(bench: Bench) -> None:
    """As long as what is copied from them is in use, directly or by way of another stage."""
    stages = (
        "FROM BASE AS first\nRUN echo one > /one\n"
        "FROM BASE AS second\nCOPY --from=first /one /one\nRUN echo two > /two\nCOPY word /word\n"
        "FROM BASE\nCOPY --from=second /two /word /\n"
    )
    bench.write({"Dockerfile": stages, "word": "word"})
    kept = f"{bench.folder}/kept"
    local = (f"--cache-from=type=local,src={kept}", f"--cache-to=type=local,dest={kept},mode=max")
    bench.build(*local)
    for _ in range(2):
        _age(bench, 13 * 24 * 3600)
        assert set(bench.build(*local).steps.values()) == {"CACHED"}
    _age(bench, 13 * 24 * 3600)
    bench.write({"word": "another"})
    outcome = bench.build(*local)
    done = {label for label, how in outcome.steps.items() if how == "DONE" and not label.endswith(" base")}
    assert done == {"second 3/3", "stage-2 1/1"}, outcome.text


def test_a_linked_copy_needs_nothing_of_what_is_below(bench: Bench) -> None:
    """Neither the base nor layers that were found are fetched for it."""
    dockerfile = (
        "FROM BASE\nRUN head -c 100000 /dev/urandom > /big\nCOPY --link word /word\nCOPY --link word /last\n"
    )
    bench.write({"Dockerfile": dockerfile, "word": "one"})
    bench.cached()
    bench.write({"word": "two"})
    outcome = bench.cached()
    assert list(outcome.steps.values()) == ["CACHED", "DONE", "DONE"], outcome.text
    configs = {bench.manifest(name)["config"]["digest"] for name in ("base/busybox:latest", "cache:main")}
    fetched = outcome.downloads(configs)
    layers = {item["digest"] for item in bench.manifest("app:1")["layers"]}
    assert not layers & {path.rpartition("/")[2] for path in fetched}, fetched
    out = bench.folder / "out.tar"
    bench.build(f"--output=type=tar,dest={out}", push=False)
    with tarfile.open(out) as archive:
        for name in ("word", "last"):
            content = archive.extractfile(name)
            assert content is not None
            assert content.read() == b"two"


def test_the_image_itself_is_the_cache(bench: Bench) -> None:
    _project(bench)
    inline = ("--cache-to=type=inline", f"--cache-from={bench.host}/app:1")
    assert set(bench.build(*inline).steps.values()) == {"DONE"}
    pushed = bench.manifest("app:1")
    second = bench.build(*inline)
    assert set(second.steps.values()) == {"CACHED"}
    assert second.downloads(_digests(bench, "base/busybox:latest", "app:1")) == []
    assert second.uploads() == []
    assert bench.manifest("app:1") == pushed
    assert "no cache yet" in bench.build(f"--cache-from={bench.host}/nothing:1").text


def test_one_cache_for_each_branch(bench: Bench) -> None:
    _project(bench, _LIGHT)
    repository = f"--cache-repo={bench.host}/branches"
    bench.build(repository, "--cache-branch=main", push=False, isolation="none")
    bench.write({"word": "of a feature\n"})
    branch = (repository, "--cache-branch=feature", "--cache-branch=main")
    outcome = bench.build(*branch, push=False, isolation="none")
    assert outcome.steps["app 1/2"] == "DONE"
    outcome = bench.build(*branch, push=False, isolation="none")
    assert set(outcome.steps.values()) == {"CACHED"}
    bench.write({"word": "word\n"})
    assert set(bench.build(*branch, push=False, isolation="none").steps.values()) == {"CACHED"}
    outcome = bench.build(repository, "--cache-branch=main", push=False, isolation="none")
    assert set(outcome.steps.values()) == {"CACHED"}
    tags = bench.server.storage / "docker/registry/v2/repositories/branches/_manifests/tags"
    assert len(os.listdir(tags)) == 2


def test_a_url_is_what_it_has(bench: Bench) -> None:
    contents = [b"1"]
    with serve_answers(lambda _: contents[-1]) as host:
        _project(bench, f"FROM BASE\nADD http://{host}/x /x\nRUN cat /x\n")
        bench.cached()
        assert set(bench.cached().steps.values()) == {"CACHED"}
        contents.append(b"2")
        outcome = bench.cached()
        assert _reason(outcome, "stage-0 1/2") == "the content of the URL changed"
        assert outcome.steps["stage-0 2/2"] == "DONE"


def test_what_was_done_before_a_failure_is_found(bench: Bench) -> None:
    _project(bench, _STAGES.replace("echo a > /a", "false"))
    first = bench.cached(code=1)
    assert first.steps["app 1/3"] == "DONE"
    assert "exit code 1" in first.text
    _project(bench)
    second = bench.cached()
    assert second.steps["app 1/3"] == "CACHED"
    assert second.steps["app 2/3"] == "DONE"


def test_secrets_are_nowhere_in_the_cache(bench: Bench) -> None:
    secret = "Sesame-open-yourself"
    _project(
        bench,
        'FROM BASE\nRUN --mount=type=secret,id=s --mount=type=secret,id=s,env=S test -n "$S" && echo a > /a\n'
        "RUN --mount=type=cache,target=/c echo $RANDOM >> /c/x\n",
    )
    bench.cached("--secret=id=s,env=VALUE", env={"VALUE": secret})
    # Another value is no other key (Dockerfile reference, "RUN --mount").
    outcome = bench.cached("--secret=id=s,env=VALUE", env={"VALUE": "another"})
    assert set(outcome.steps.values()) == {"CACHED"}
    blobs = list(bench.blobs())
    assert any(b"ci_builder.cache" in data for data in blobs)
    assert not any(secret.encode() in data or b"another" in data for data in blobs)


def test_executors_share_what_they_find(bench: Bench) -> None:
    """In a namespace, by ptrace as an ordinary user, and with no executor where nothing is run."""
    _project(
        bench,
        "FROM BASE AS build\nRUN mkdir /o && echo 1 > /o/a && chown 1000:50 /o/a && chmod 4750 /o/a\n"
        "FROM BASE\nCOPY --from=build /o /o\nCOPY word /word\nWORKDIR /w\n",
    )
    bench.cached("--no-cache-filter=build")
    for isolation in ("ptrace", "chroot", "none", "namespace"):
        outcome = bench.cached(isolation=isolation)
        assert set(outcome.steps.values()) == {"CACHED"}, outcome.text
    # By content: built anew by ptrace, what is copied is the same.
    outcome = bench.cached("--no-cache-filter=build", isolation="ptrace")
    assert {how for label, how in outcome.steps.items() if not label.startswith("build")} == {"CACHED"}
    outcome = bench.cached("--no-cache-filter=build", isolation="chroot")
    assert {how for label, how in outcome.steps.items() if not label.startswith("build")} == {"CACHED"}


def test_compressions_do_not_take_each_others_layers(bench: Bench) -> None:
    _project(bench, _LIGHT)
    names = ("gzip", "zstd", "uncompressed")
    outputs = {name: f"--output=type=oci,dest={name}.tar,compression={name}" for name in names}
    for name in names:
        assert set(bench.cached(outputs[name], push=False, isolation="none").steps.values()) == {"DONE"}
    for name in names:
        outcome = bench.cached(outputs[name], push=False, isolation="none")
        assert set(outcome.steps.values()) == {"CACHED"}, name
        assert outcome.warnings == []
    with tarfile.open(bench.folder / "home/zstd.tar") as archive:
        index = archive.extractfile("index.json")
        assert index is not None
        digest = json.load(index)["manifests"][0]["digest"]
        manifest = archive.extractfile(f"blobs/{digest.replace(':', '/')}")
        assert manifest is not None
        kinds = [layer["mediaType"].rpartition("+")[2] for layer in json.load(manifest)["layers"]]
    assert kinds == ["zstd", "zstd"]


@pytest.mark.commands
def test_caches_in_another_order_are_no_deadlock(bench: Bench) -> None:
    """Each stage wants the cache that the other has, and one waits for the other's files as well."""
    mounts = {name: f"--mount=type=cache,id={name},target=/{name},sharing=locked" for name in "xy"}
    steps = "RUN {} {} sleep 0.3 && echo done > /done\n"
    bench.write(
        {
            "Dockerfile": "FROM BASE AS a\n"
            + steps.format(mounts["x"], mounts["y"]) * 3
            + "FROM BASE AS b\n"
            + steps.format(mounts["y"], mounts["x"]) * 3
            + "FROM BASE AS c\n"
            + f"RUN {mounts['x']} --mount=type=bind,from=a,target=/a {mounts['y']} cat /a/done > /done\n"
            + "FROM BASE\nCOPY --from=a /done /a\nCOPY --from=b /done /b\nCOPY --from=c /done /c\n"
        }
    )
    assert set(bench.build(push=False).steps.values()) == {"DONE"}
