"""Whatever is wrong with a cache, the build is right and ends well."""

from __future__ import annotations

import hashlib
import json
import os
import random
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterator

import pytest

from tests.cache.bench import Bench, Outcome, make_bench
from tests.compare.builders import command, environment, start_ours
from tests.servers import registry
from tests.servers.bases import Base
from tests.servers.breaking_proxy import Delay, Fault, Headers, Status

pytestmark = [pytest.mark.root, pytest.mark.commands]

_DOCKERFILE = "FROM BASE\nCOPY word /word\nRUN cat /word > /out\nRUN echo more > /more\n"
_ALWAYS = 10_000
_IMMUTABLE = b'{"errors":[{"code":"TAG_INVALID","message":"The image tag is immutable and exists already"}]}'


def _project(bench: Bench, word: str = "word\n") -> None:
    bench.write({"Dockerfile": _DOCKERFILE, "word": word})


def _right(bench: Bench, word: str = "word\n") -> None:
    """The image in the registry has the files that it should have, as another program reads it."""
    target = bench.folder / "read"
    subprocess.run(["rm", "-rf", target], check=True)
    source = f"docker://{bench.server.host}/app:1"
    subprocess.run(["skopeo", "copy", "-q", "--src-tls-verify=false", source, f"dir:{target}"], check=True)
    layers = json.loads((target / "manifest.json").read_text())["layers"]
    found: dict[str, bytes] = {}
    for layer in layers:
        with tarfile.open(target / layer["digest"].rpartition(":")[2]) as archive:
            for member in archive:
                if member.isfile():
                    content = archive.extractfile(member)
                    assert content is not None
                    found[member.name] = content.read()
    assert found["word"] == found["out"] == word.encode()
    assert found["more"] == b"more\n"


def _one_warning(outcome: Outcome, about: str) -> None:
    assert len(outcome.warnings) == 1, outcome.text
    assert about in outcome.warnings[0]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, busybox: Base) -> Iterator[Bench]:
    """With a cache of a build that runs nothing."""
    if not registry.available():
        pytest.skip("docker-registry is not installed")
    with make_bench(tmp_path_factory.mktemp("shared"), busybox) as made:
        # Layers that are too large for one PUT.
        word = random.Random(1).randbytes(400_000).hex()
        made.write({"Dockerfile": "FROM scratch\nCOPY word /word\nCOPY word /more\n", "word": word})
        made.cached(push=False, isolation="none")
        # Layers are asked for when something has to be made.
        made.write({"Dockerfile": "FROM scratch\nCOPY word /word\nCOPY word /more\nCOPY word /new\n"})
        yield made


@pytest.mark.parametrize("status", [404, 403, 500])
@pytest.mark.parametrize(
    ("method", "path", "about"),
    [
        ("GET", "/cache/manifests/", "nothing is taken from the cache"),
        ("GET", "/cache/blobs/", "nothing is taken from the cache"),
        ("HEAD", "/cache/blobs/", "nothing more is taken from the cache"),
        ("POST", "/new/.+/blobs/uploads/", "is not written"),
        ("PATCH", "/new/.+/blobs/uploads/", "is not written"),
        ("PUT", "/new/.+/blobs/uploads/", "is not written"),
        ("PUT", "/new/.+/manifests/", "is not written"),
    ],
)
def test_a_registry_that_refuses_the_cache(
    shared: Bench, status: int, method: str, path: str, about: str
) -> None:
    shared.proxy.breaks(Status(status), method, path, _ALWAYS)
    source, target = shared.places()[0], shared.places(name=f"new/{method}-{status}:main".lower())[1]
    place = source if "taken" in about else target
    output = f"--output=type=tar,dest={shared.folder}/out.tar"
    outcome = shared.build(place, output, "--registry-retries=0", push=False, isolation="none")
    shared.proxy.unbroken()
    assert set(outcome.steps.values()) == {"DONE"}
    with tarfile.open(shared.folder / "out.tar") as archive:
        assert {"word", "more", "new"} <= set(archive.getnames())
    if status == 404 and path != "/cache/blobs/" and method == "GET":
        assert outcome.warnings == [], "there is no cache yet"
    elif (status, method) == (404, "HEAD"):
        assert outcome.warnings == [], "its layers are gone"
    elif (status, method) == (404, "PATCH"):
        assert outcome.warnings == [], "registries that know no PATCH get a blob in one piece"
    else:
        _one_warning(outcome, about)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    "fault",
    [
        Status(404, body=b"[" * 60_000),
        Status(429, {"Retry-After": "\u00b2".encode().decode("latin-1")}),
        Status(401, {"WWW-Authenticate": 'Bearer realm="http://[::1"'}),
        Status(307, {"Location": "http://[::1"}),
        Status(307, {"Location": "http://a.example:99999/"}),
        Headers({"Content-Length": "\u00b2".encode().decode("latin-1")}),
    ],
    ids=["nested", "retry", "realm", "location", "port", "length"],
)
def test_an_answer_that_makes_no_sense(shared: Bench, method: str, fault: Fault) -> None:
    path = "/cache/manifests/" if method == "GET" else "/cache/blobs/"
    shared.proxy.breaks(fault, method, path, _ALWAYS)
    output = f"--output=type=tar,dest={shared.folder}/out.tar"
    outcome = shared.build(shared.places()[0], output, "--registry-retries=0", push=False, isolation="none")
    shared.proxy.unbroken()
    assert set(outcome.steps.values()) <= {"DONE", "CACHED"}
    assert all("taken from the cache" in text for text in outcome.warnings)
    assert len(outcome.warnings) <= 1


@pytest.mark.parametrize("status", [404, 403, 500])
def test_a_layer_cannot_be_fetched(bench: Bench, status: int) -> None:
    """It is there, says the registry, and then it does not come."""
    _project(bench)
    bench.cached()
    bench.write({"Dockerfile": _DOCKERFILE.replace("echo more", "echo  more")})
    for record in bench.records():
        bench.proxy.breaks(Status(status), "GET", f"/cache/blobs/{record['digest']}", _ALWAYS)
    outcome = bench.cached("--registry-retries=0")
    assert outcome.warnings
    _right(bench)


def test_a_registry_that_gives_no_layer_is_left_alone(bench: Bench) -> None:
    """Not one after the other fails, each with a build that begins anew."""
    stages = "".join(f"FROM BASE AS s{number}\nCOPY word /{number}\n" for number in range(4))
    copies = "".join(f"COPY --from=s{number} /{number} /{number}\n" for number in range(4))
    dockerfile = f"{stages}FROM BASE\n{copies}RUN cat /? > /all\n"
    bench.write({"Dockerfile": dockerfile, "word": "word\n"})
    bench.cached()
    bench.write({"Dockerfile": dockerfile.replace("cat /?", "cat  /?")})
    config = bench.manifest("cache:main")["config"]["digest"]
    bench.proxy.breaks(Status(500), "GET", f"/cache/blobs/(?!{config})", _ALWAYS)
    outcome = bench.cached("--registry-retries=0")
    lost = [text for text in outcome.warnings if "cannot be had" in text]
    assert 1 <= len(lost) <= 2, outcome.text


def test_layers_that_were_removed(bench: Bench) -> None:
    _project(bench)
    bench.cached()
    (middle,) = [record for record in bench.records() if "cat /word" in record["title"]]
    bench.remove_blob(middle["digest"])
    # Where nothing is made, the push finds out; here the layer is in the image's repository still.
    outcome = bench.cached()
    assert outcome.warnings == []
    assert set(outcome.steps.values()) == {"CACHED"}
    bench.write({"Dockerfile": _DOCKERFILE.replace("echo more", "echo  more")})
    outcome = bench.cached()
    assert outcome.warnings == []
    assert list(outcome.steps.values()).count("CACHED") == 1
    _right(bench)
    # The manifest is written anew, without what is gone.
    outcome = bench.cached()
    assert set(outcome.steps.values()) == {"CACHED"}
    # Also where what is gone is not looked for.
    _project(bench, "another\n")
    bench.cached()
    for record in bench.records():
        bench.remove_blob(record["digest"])
    _project(bench, "a third\n")
    outcome = bench.cached(mode="min")
    assert outcome.warnings == []
    assert set(bench.cached().steps.values()) == {"CACHED"}
    _right(bench, "a third\n")


@pytest.mark.parametrize("isolation", ["auto", "namespace"])
def test_a_layer_that_only_the_push_misses(bench: Bench, isolation: str) -> None:
    """Everything is found, so nothing is asked for, and no executor is entered: until it has to be."""
    _project(bench)
    bench.cached("-t", f"{bench.host}/first:1", push=False)
    (middle,) = [record for record in bench.records() if "cat /word" in record["title"]]
    bench.remove_blob(middle["digest"])
    outcome = bench.cached(isolation=isolation)
    _one_warning(outcome, "so it is made anew")
    assert "executor: none" in outcome.text
    assert "executor: namespace" in outcome.text
    assert "DONE" in outcome.steps.values()
    _right(bench)
    assert set(bench.cached().steps.values()) == {"CACHED"}


def _without_the_middle(bench: Bench, name: str, repository: str) -> None:
    """Remove the layer of a step in the middle from a repository; the cache ``name`` has it still."""
    (middle,) = [record for record in bench.records(name) if "cat /word" in record["title"]]
    bench.remove_blob(middle["digest"], repository)


def test_a_layer_is_lost_where_cache_and_image_are(bench: Bench) -> None:
    _project(bench)
    places = bench.places(name="app:cache-main")
    bench.build(*places)
    _without_the_middle(bench, "app:cache-main", "app")
    outcome = bench.build(*places)
    assert outcome.warnings == []
    assert "DONE" in outcome.steps.values()
    _right(bench)


def test_a_layer_of_the_image_that_is_the_cache_is_lost(bench: Bench) -> None:
    _project(bench)
    places = ("--cache-to=type=inline", f"--cache-from=type=registry,ref={bench.host}/app:1")
    bench.build(*places)
    bench.remove_blob(bench.manifest("app:1")["layers"][2]["digest"], "app")
    assert "DONE" in bench.build(*places).steps.values()
    _right(bench)


def test_a_layer_is_lost_for_another_scope(bench: Bench) -> None:
    _project(bench)
    bench.cached()
    _without_the_middle(bench, "cache:main", "cache")
    branch = bench.places(name="cache:branch")
    outcome = bench.build(bench.places()[0], *branch)
    assert outcome.warnings == []
    assert set(bench.build(*branch).steps.values()) == {"CACHED"}
    _right(bench)


@pytest.mark.parametrize("kind", ["oci", "docker"])
def test_nothing_lost_reaches_standard_output(bench: Bench, kind: str) -> None:
    bench.write(
        {"Dockerfile": "FROM BASE\nCOPY word /word\n", "word": random.Random(1).randbytes(10**6).hex()}
    )
    bench.cached(push=False, isolation="none")
    (record,) = bench.records()
    bench.remove_blob(record["digest"])
    archive = bench.folder / "archive.tar"
    words = ["build", bench.places()[0], f"--output=type={kind},dest=-", str(bench.context)]
    with archive.open("wb") as out:
        home = bench.folder / "home"
        subprocess.run(command(words), stdout=out, env=environment(home), cwd=home, check=True)
    subprocess.run(["skopeo", "inspect", f"{kind}-archive:{archive}"], check=True, stdout=subprocess.DEVNULL)


def test_what_breaks_off_on_standard_output_is_an_error(bench: Bench) -> None:
    """The registry says that it has the layer, and does not give it: what was written stays written."""
    bench.write({"Dockerfile": "FROM BASE\nCOPY word /word\n", "word": "word\n"})
    bench.cached(push=False, isolation="none")
    (record,) = bench.records()
    bench.proxy.breaks(Status(404), "GET", f"/cache/blobs/{record['digest']}", _ALWAYS)
    words = ("--output=type=oci,dest=-", "--registry-retries=0", bench.places()[0])
    assert "cannot pull the blob" in bench.build(*words, push=False, code=1).text


@pytest.mark.parametrize("what", ["records of nothing", "no json", "no manifest"])
def test_a_broken_cache_is_there(bench: Bench, what: str) -> None:
    _project(bench)
    bench.cached()
    _project(bench, "another\n")
    _put_garbage(bench, what)
    outcome = bench.cached()
    assert len(outcome.warnings) == 1, outcome.text
    _right(bench, "another\n")
    # It has become a cache.
    assert set(bench.cached().steps.values()) == {"CACHED"}
    assert bench.manifest("cache:main")["layers"]


def _put_garbage(bench: Bench, what: str) -> None:
    """Whatever there is now, with another config."""
    target = bench.folder / "copied"
    reference = f"docker://{bench.server.host}/cache:main"
    skopeo = ["skopeo", "copy", "-q", "--src-tls-verify=false", "--dest-tls-verify=false"]
    subprocess.run([*skopeo, reference, f"dir:{target}"], check=True)
    manifest = json.loads((target / "manifest.json").read_text())
    config = target / manifest["config"]["digest"].rpartition(":")[2]
    value = json.loads(config.read_text())
    record = {"keys": ["0" * 64], "diff_id": "sha256:" + "0" * 64}
    value["ci_builder.cache"] = {"format": 1, "records": [record]}
    data = json.dumps(value).encode()
    if what == "no json":
        data = b"[" * 100_000
    name = hashlib.sha256(data).hexdigest()
    (target / name).write_bytes(data)
    manifest["config"] |= {"digest": f"sha256:{name}", "size": len(data)}
    if what == "no manifest":
        manifest["layers"] = manifest["layers"][:1]
    (target / "manifest.json").write_text(json.dumps(manifest))
    subprocess.run([*skopeo, "--preserve-digests", f"dir:{target}", reference], check=True)


@pytest.mark.parametrize("status", [400, 409, 412])
def test_immutable_tags(bench: Bench, status: int) -> None:
    _project(bench)
    bench.cached()
    _project(bench, "another\n")
    bench.proxy.breaks(Status(status, body=_IMMUTABLE), "PUT", "/cache/manifests/", _ALWAYS)
    outcome = bench.cached()
    _one_warning(outcome, "cannot be written anew")
    assert "name a repository whose tags may change" in outcome.warnings[0]
    _right(bench, "another\n")


def test_a_registry_that_is_not_there(bench: Bench) -> None:
    _project(bench)
    place = "type=registry,ref=127.0.0.1:1/cache:main"
    outcome = bench.build(f"--cache-from={place}", f"--cache-to={place}", "--registry-retries=0")
    assert len(outcome.warnings) == 2, "one for each"
    _right(bench)


def test_a_folder_that_is_none(bench: Bench) -> None:
    _project(bench)
    (bench.folder / "file").write_text("not a folder")
    (bench.folder / "index").mkdir()
    (bench.folder / "index/index.json").write_text("not an index")
    for name in ("file", "index"):
        local = (
            f"--cache-from=type=local,src={bench.folder}/{name}",
            f"--cache-to=type=local,dest={bench.folder}/{name}",
        )
        outcome = bench.build(*local)
        assert 1 <= len(outcome.warnings) <= 2
    assert (bench.folder / "file").read_text() == "not a folder"
    assert (bench.folder / "index/index.json").read_text() == "not an index"
    _right(bench)


def test_a_layer_of_a_folder_is_gone(bench: Bench) -> None:
    _project(bench)
    kept = bench.folder / "kept"
    local = (f"--cache-from=type=local,src={kept}", f"--cache-to=type=local,dest={kept}")
    bench.build(*local)
    largest = max((kept / "blobs/sha256").iterdir(), key=lambda path: path.read_bytes()[:2] == b"\x1f\x8b")
    largest.unlink()
    outcome = bench.build(*local)
    assert outcome.warnings == []
    assert "DONE" in outcome.steps.values()
    assert "not in the cache: its layer is no longer there" in outcome.text
    outcome = bench.build(*local)
    assert set(outcome.steps.values()) == {"CACHED"}
    _right(bench)


def test_two_pipelines_write_at_once(bench: Bench) -> None:
    """Several rounds of two builds with layers of their own: the manifest is whole after each, and a cache
    never loses what was in it before a round."""
    contexts = []
    for name in ("one", "two"):
        context = bench.folder / name
        context.mkdir()
        contexts.append(context)
    # As many tokens go in as there are writers that read the manifest at the same moment.
    for number in range(3):
        before = {record["keys"][0] for record in bench.records()} if number else set()
        bench.proxy.breaks(Delay(0.3), "PUT", "/cache/manifests/", 2)
        running = []
        for context in contexts:
            text = f"FROM {bench.base}\nRUN echo {context.name} {number} > /a\n"
            (context / "Dockerfile").write_text(text)
            arguments = ["build", "--progress=plain", "--isolation=namespace", *bench.places(), str(context)]
            home = bench.folder / f"home-{context.name}"
            home.mkdir(exist_ok=True)
            running.append(start_ours(arguments, home=home))
        for process in running:
            output = process.communicate(timeout=120)[0].decode()
            assert process.returncode == 0, output
            assert "warning" not in output, output
        records = bench.records()
        assert before <= {record["keys"][0] for record in records}
        titles = {record["title"] for record in records}
        assert {f"RUN echo {name} {number} > /a" for name in ("one", "two")} & titles
        digests = {layer["digest"] for layer in bench.manifest("cache:main")["layers"]}
        assert {record["digest"] for record in records} == digests


def test_a_file_that_changes_while_it_is_copied(bench: Bench) -> None:
    """It is another one than the key says, so what came of it is not kept."""
    bench.write({"Dockerfile": "FROM BASE\nCOPY pipe.d /x\n", "pipe.d/a": "before"})
    # The base comes late, and with it the copying; by then the file was looked at.
    bench.proxy.breaks(Delay(3), "GET", "/base/busybox/blobs/.*", 2)

    def change() -> None:
        while not bench.proxy.count("GET", "/cache/manifests/"):
            pass
        threading.Event().wait(1.5)
        (bench.context / "pipe.d/a").write_text("after!")

    thread = threading.Thread(target=change)
    thread.start()
    outcome = bench.cached()
    thread.join()
    (warning,) = outcome.warnings
    assert "its files changed while it was copied, so it is not kept in the cache" in warning
    outcome = bench.cached()
    assert outcome.steps["stage-0 1/1"] == "DONE"
    assert set(bench.cached().steps.values()) == {"CACHED"}


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="needs root")
def test_a_folder_that_may_not_be_read(bench: Bench) -> None:
    _project(bench)
    kept = bench.folder / "kept"
    kept.mkdir(mode=0o700)
    arguments = ["build", "--progress=plain", "--isolation=none", f"--cache-from=type=local,src={kept}/deep"]
    context = bench.folder / "plain"
    context.mkdir()
    (context / "Dockerfile").write_text("FROM scratch\nCOPY Dockerfile /x\n")
    process = subprocess.run(
        ["setpriv", "--reuid=4242", "--regid=4242", "--clear-groups", *command([*arguments, str(context)])],
        capture_output=True,
        text=True,
        check=False,
        env=environment(bench.folder / "nobody") | {"TMPDIR": "/tmp"},
        cwd="/tmp",
    )
    assert "Traceback" not in process.stderr, process.stderr
