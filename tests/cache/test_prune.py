"""``prune``: by age, last use, size and number of scopes; in real registries, folders and the store."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_builder.cache.folder import FolderCache
from ci_builder.cache.limits import Entry, Limits, size_of, surplus
from ci_builder.cache.records import Records
from ci_builder.errors import RegistryError
from ci_builder.layout.writer import write_image
from ci_builder.oci.reference import Reference
from ci_builder.registry.client import Registry
from tests.cache.held import DAY, read, record, write
from tests.cache.workbench import Bench, make_bench, statuses
from tests.registry.images import AMD64, make_image
from tests.servers import registry as servers
from tests.servers.bases import Base
from tests.servers.breaking_proxy import Status, serve_broken
from tests.servers.ordinary_user import OrdinaryUser, refusal
from tests.servers.registry import RunningRegistry


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    (tmp_path / "bench").mkdir()
    return Bench(tmp_path / "bench", Base("none", tmp_path))


def pruned(bench: Bench, *arguments: str) -> Any:
    """The only place of the answer."""
    (place,) = bench.json("prune", *arguments)["places"]
    return place


def titles(place: Any) -> list[str]:
    return [entry["title"] for scope in place["removed"] for entry in scope["entries"]]


def test_by_age_by_use_and_dry(bench: Bench, anonymous_registry: RunningRegistry, registry: Registry) -> None:
    repository = f"{anonymous_registry.host}/prune/ages"
    write(registry, repository, "cache-a", record(1, made=40, used=1), record(2, made=20, used=20), record(3))
    dry = pruned(bench, "--cache-repo", repository, "--older-than", "30d", "--dry-run")
    assert titles(dry) == ["app: RUN step 1"]
    assert read(registry, repository, "cache-a") == ["RUN step 1", "RUN step 2", "RUN step 3"]
    done = pruned(bench, "--cache-repo", repository, "--unused-for", "2w")
    assert titles(done) == ["app: RUN step 2"]
    assert done["before"] > done["after"] > 0
    assert read(registry, repository, "cache-a") == ["RUN step 1", "RUN step 3"]
    done = pruned(bench, "--cache", f"type=registry,ref={repository}:cache-a", "--older-than", "720h")
    assert titles(done) == ["app: RUN step 1"]
    assert read(registry, repository, "cache-a") == ["RUN step 3"]
    assert titles(pruned(bench, "--cache-repo", repository, "--older-than", "30d")) == []


def test_the_scopes_that_were_used_last_stay(
    bench: Bench, anonymous_registry: RunningRegistry, registry: Registry
) -> None:
    repository = f"{anonymous_registry.host}/prune/scopes"
    # One record, made once: a second that passes between the scopes must not make one of them the older.
    shared = record(20)
    for number, used in enumerate((5, 1, 9)):
        write(registry, repository, f"cache-{number}", record(10 + number, made=9, used=used), shared)
    # Two scopes with the same content: what happens to the one does not happen to the other.
    write(registry, repository, "cache-same", record(10, made=9, used=5), shared)
    registry.push(make_image(), [Reference.parse(f"{repository}:1.0")])
    registry.push(make_image(), [Reference.parse(f"{repository}:cache-of-nobody")])
    done = pruned(bench, "--cache-repo", repository, "--max-scopes", "3", "--unused-for=3d")
    assert {scope["scope"] for scope in done["removed"]} == {"cache-0", "cache-2", "cache-same"}
    text = bench.say("prune", "--cache-repo", repository, "--max-scopes", "1")
    assert "cache-of-nobody is left alone" in text
    tags = registry.tags(Reference.parse(repository))
    # The record that all share was used just now; its scopes compete by name then.
    assert "1.0" in tags
    assert "cache-of-nobody" in tags
    assert len([tag for tag in tags if tag.startswith("cache-")]) == 2


def test_layers_and_mounts_of_a_branch_are_one_scope() -> None:
    names = [f"{kind}-linux-amd64-{branch}" for branch in "abc" for kind in ("cache", "mounts")]
    entries = [Entry(name, "x", "", (), 1, number // 2) for number, name in enumerate(names)]
    assert surplus(entries, Limits(max_scopes=3), now=9) == ()
    gone = surplus(entries, Limits(max_scopes=2), now=9)
    assert [entry.scope for entry in gone] == names[:2]


def test_size_counts_what_is_shared_once(
    bench: Bench, anonymous_registry: RunningRegistry, registry: Registry
) -> None:
    repository = f"{anonymous_registry.host}/prune/size"
    shared = record(30, used=3, size=50_000)
    write(registry, repository, "cache-a", shared, record(31, used=2, size=50_000))
    write(registry, repository, "cache-b", shared, record(32, used=1, size=50_000))
    assert titles(pruned(bench, "--cache-repo", repository, "--max-size", "160kB")) == []
    done = pruned(bench, "--cache-repo", repository, "--max-size", "110kB")
    # In both scopes, else nothing would be free.
    assert titles(done) == ["app: RUN step 30", "app: RUN step 30"]
    assert done["after"] <= 110_000
    assert read(registry, repository, "cache-a") == ["RUN step 31"]
    assert read(registry, repository, "cache-b") == ["RUN step 32"]


def test_the_garbage_collection_frees_it(tmp_path: Path, bench: Bench, registry: Registry) -> None:
    if not servers.available():
        pytest.skip("docker-registry is not installed")
    with servers.start_registry(tmp_path) as running:
        repository = f"{running.host}/team/cache"
        gone, kept = record(41, used=9), record(42)
        write(registry, repository, "cache-a", gone, kept)
        write(registry, repository, "cache-b", gone)
        pruned(bench, "--cache-repo", repository, "--unused-for", "1d")
        assert registry.tags(Reference.parse(repository)) == ("cache-a",)
        config = running.storage.parent / "config.yml"
        subprocess.run(["docker-registry", "garbage-collect", config], check=True, capture_output=True)
        blobs = {path.name for path in (running.storage / "docker/registry/v2/blobs/sha256").glob("*/*")}
        assert gone.layer.descriptor.digest.hex not in blobs
        assert kept.layer.descriptor.digest.hex in blobs


def test_a_registry_that_deletes_nothing(tmp_path: Path, bench: Bench, registry: Registry) -> None:
    if not servers.available():
        pytest.skip("docker-registry is not installed")
    storage = {"storage": {"filesystem": {"rootdirectory": str(tmp_path / "data")}}}
    with servers.start_registry(tmp_path, extra=storage) as running:
        repository = f"{running.host}/team/cache"
        write(registry, repository, "cache-a", record(51, used=9), record(52))
        write(registry, repository, "cache-b", record(53, used=9))
        text = bench.say("prune", "--cache-repo", repository, "--unused-for", "1d")
        assert "cache-b cannot be deleted" in text
        assert "it is emptied instead, its tag stays" in text
        assert read(registry, repository, "cache-a") == ["RUN step 52"]
        assert read(registry, repository, "cache-b") == []
        assert registry.tags(Reference.parse(repository)) == ("cache-a", "cache-b")
        assert "0 entries" in bench.say("prune", "--cache-repo", repository, "--unused-for", "1d")


def test_a_registry_that_fails_is_told(
    bench: Bench, anonymous_registry: RunningRegistry, registry: Registry
) -> None:
    repository = f"{anonymous_registry.host}/prune/fails"
    write(registry, repository, "cache-a", record(61, used=9))
    with serve_broken(anonymous_registry.host) as proxy:
        through = repository.replace(anonymous_registry.host, proxy.host)
        proxy.breaks(Status(500), method="DELETE", path="/manifests/", times=1)
        place = pruned(bench, "--cache-repo", through, "--unused-for", "1d")
        assert titles(place) == ["app: RUN step 61"]
        assert read(registry, repository, "cache-a") == []
        proxy.breaks(Status(403), method="GET", path="/tags/list", times=9)
        text = bench.say("prune", "--cache-repo", through, "--all", code=1)
        assert "cannot list the tags" in text


def test_what_is_broken_is_left_alone(
    bench: Bench, anonymous_registry: RunningRegistry, registry: Registry, tmp_path: Path
) -> None:
    repository = f"{anonymous_registry.host}/prune/broken"
    image = Records((record(81),)).to_image(AMD64, "cache-broken")
    broken = replace(image, raw_config=image.config_bytes().replace(b'"made":', b'"mode":'))
    registry.push(broken, [Reference.parse(f"{repository}:cache-broken")])
    write(registry, repository, "cache-whole", record(82))
    text = bench.say("prune", "--cache-repo", repository, "--all")
    assert "cache-broken is left alone: not a cache record" in text
    assert registry.tags(Reference.parse(repository)) == ("cache-broken",)
    folder = tmp_path / "cache"
    write_image(folder, broken, [("a", "a")])
    FolderCache(folder, "b", AMD64).write(Records((record(82),)))
    assert titles(pruned(bench, "--cache", f"type=local,src={folder}", "--all")) == ["app: RUN step 82"]
    blobs = {path.name for path in (folder / "blobs/sha256").iterdir()}
    assert record(81).layer.descriptor.digest.hex in blobs


def test_tags_come_in_pages(registry: Registry) -> None:
    # Debian's registry has all tags in one answer.
    with _Pages(("127.0.0.1", 0), _Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        host = f"127.0.0.1:{server.server_address[1]}"
        assert registry.tags(Reference.parse(f"{host}/team/cache")) == tuple(f"t{n}" for n in range(5))
        with pytest.raises(RegistryError, match="does not end"):
            registry.tags(Reference.parse(f"{host}/team/endless"))
        server.shutdown()
    assert server.asked[:3] == ["n=1000", "n=2&last=t1", "n=2&last=t3"]


class _Pages(ThreadingHTTPServer):
    """A registry of two tags a page; links are relative, then absolute, then to a host that is not there."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.asked: list[str] = []


class _Page(BaseHTTPRequestHandler):
    server: _Pages

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        self.send_response(200)
        data = b"{}"
        if path.endswith("/tags/list"):
            self.server.asked.append(query)
            last = query.rpartition("last=")[2]
            begin = int(last[1:]) + 1 if last.startswith("t") else 0
            data = json.dumps(
                {"name": "x", "tags": [f"t{n}" for n in range(begin, begin + 2) if n < 5]}
            ).encode()
            host = "" if begin == 0 else "http://192.0.2.1"
            if begin < 4 or "endless" in path:
                self.send_header("Link", f'<{host}{path}?n=2&last=t{begin + 1}>; rel="next"')
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def test_a_folder(bench: Bench, tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    for tag, *records in (("a", record(71, used=9), record(72)), ("b", record(73, used=9))):
        FolderCache(folder, tag, AMD64).write(Records(tuple(records)))
    write_image(folder, make_image((2000,)), [("image", "image")])
    before = {path.name for path in (folder / "blobs/sha256").iterdir()}
    place = f"type=local,src={folder}"
    done = pruned(bench, "--cache", place, "--unused-for", "1d")
    assert titles(done) == ["app: RUN step 71", "app: RUN step 73"]
    assert done["freed"] > 0
    after = {path.name for path in (folder / "blobs/sha256").iterdir()}
    assert record(71).layer.descriptor.digest.hex in before - after
    assert record(72).layer.descriptor.digest.hex in after
    assert {layer.descriptor.digest.hex for layer in make_image((2000,)).layers} <= after
    assert len(FolderCache(folder, "a", AMD64).read()) == 1
    assert len(FolderCache(folder, "b", AMD64).read()) == 0
    pruned(bench, "--cache", place, "--all")
    names = [item["annotations"] for item in json.loads((folder / "index.json").read_text())["manifests"]]
    assert [item["org.opencontainers.image.ref.name"] for item in names] == ["image"]


def test_this_machine(bench: Bench) -> None:
    store = bench.home / "store"
    for number, name in enumerate(("old", "new")):
        image = make_image((5000 + number, 100))
        write_image(store, image, [(f"example.com/{name}:1", "")])
        if name == "old":
            path = store / "blobs/sha256" / image.descriptor().digest.hex
            os.utime(path, (path.stat().st_mtime - 9 * DAY,) * 2)
    (store / ".new-left-behind").write_bytes(b"x" * 100)
    for name, age in (("one", 9), ("two", 0), ("used", 9)):
        place = bench.home / "cache-mounts" / name / "0"
        (place / "files" / "deep").mkdir(parents=True)
        (place / "files" / "deep" / "file").write_bytes(b"x" * 1000)
        (place / "lock").touch()
        os.utime(place / "lock", (place.stat().st_mtime - age * DAY,) * 2)
    with (bench.home / "cache-mounts/used/0/lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        text = bench.say("prune", "--unused-for", "1d")
    assert "example.com/old:1" in text
    assert "the cache used is in use, and stays" in text
    left = bench.json("du")["places"]
    found = [entry["title"] for place in left for scope in place["scopes"] for entry in scope["entries"]]
    assert found == ["example.com/new:1", "two", "used"]
    # What both images have stays.
    assert len(list((store / "blobs/sha256").iterdir())) == 4
    assert not (store / ".new-left-behind").exists()
    assert (bench.home / "cache-mounts/one/0/lock").exists()
    bench.say("prune", "--all", "--only", "images")
    assert list((store / "blobs/sha256").iterdir()) == []
    assert (bench.home / "cache-mounts/two/0/files/deep/file").exists()


def test_what_it_wants_to_be_told(bench: Bench) -> None:
    assert "--older-than" in bench.say("prune", code=2)
    assert "--all goes with no limit" in bench.say("prune", "--all", "--max-size=1GB", code=2)
    assert "is no size" in bench.say("prune", "--max-size=lots", code=2)
    assert "30d" in bench.say("prune", "--older-than=yesterday", code=2)
    assert "--max-scopes is for" in bench.say("prune", "--max-scopes=1", code=2)
    assert "no OCI layout" in bench.say("prune", "--all", "--cache=type=local,src=nowhere", code=2)
    assert "unknown attribute" in bench.say("prune", "--all", "--cache=type=local,src=x,mod=y", code=2)
    assert "tag= is empty" in bench.say("prune", "--all", "--cache=type=local,src=x,tag=", code=2)
    assert "--unused-for is empty" in bench.say("prune", "--older-than=30d", "--unused-for=", code=2)
    assert "given twice" in bench.say("prune", "--older-than=30d", "--older-than=3d", code=2)
    nines = "9" * 5000
    assert "is too large" in bench.say("prune", f"--max-scopes={nines}", "--cache-repo=a.example/b", code=2)
    assert "is too large" in bench.say("prune", f"--older-than={nines}d", code=2)
    assert "leave out either" in bench.say("prune", "--all", "--older-than=1h", code=2)


@pytest.mark.commands
def test_a_build_finds_what_was_left(
    busybox: Base, tmp_path: Path, anonymous_registry: RunningRegistry
) -> None:
    made = make_bench(tmp_path, busybox)
    repository = f"{anonymous_registry.host}/prune/builds"
    made.look("build", f"--cache-repo={repository}")
    sizes = {
        entry["title"]: entry["size"]
        for scope in made.json("du", "--cache-repo", repository)["places"][0]["scopes"]
        for entry in scope["entries"]
    }
    made.json("prune", "--cache-repo", repository, "--max-size", str(sum(sizes.values()) - 1))
    found = made.look_json("explain", f"--cache-repo={repository}")
    every = statuses(found, 2) + statuses(found, 0)
    assert every.count("hit") >= 2
    made.look("build", f"--cache-repo={repository}")
    assert set(statuses(made.look_json("explain", f"--cache-repo={repository}"), 2)) == {"hit"}


@pytest.mark.root
def test_a_user_removes_what_commands_made_as_others(
    busybox: Base, tmp_path_factory: pytest.TempPathFactory
) -> None:
    if refusal():
        pytest.skip(refusal())
    top = tmp_path_factory.mktemp("user")
    for above in (top, top.parent, top.parent.parent):
        above.chmod(above.stat().st_mode | 0o011)
    folder = top / "one"
    user = OrdinaryUser(folder, {busybox.layout: "base"})
    context = user.home / "context"
    context.mkdir()
    (context / "Dockerfile").write_text(
        "FROM busybox\nRUN --mount=type=cache,id=mine,target=/c mkdir /c/d && echo text > /c/d/f"
        " && chown 1000:1000 /c/d && chmod 700 /c/d\n"
    )
    base = f"--build-context=busybox=oci-layout://{folder}/base"
    built = user(["build", "--isolation=namespace", base, "--output=type=oci,dest=x.tar", "context"])
    if built.code:
        pytest.skip(f"no namespace for a user here: {built.text[-200:]}")
    found = user(["du", "--only=cache-mounts"])
    assert "mine" in found.text
    assert "1 entry, 5 B" in found.text, found.text
    assert user(["prune", "--all", "--only=cache-mounts"]).code == 0
    assert not list(user.home.rglob("files"))


@st.composite
def _entries(draw: st.DrawFn) -> list[Entry]:
    blobs = [(f"b{number}", number * 10) for number in range(6)]
    return [
        Entry(
            f"s{draw(st.integers(0, 3))}",
            str(number),
            "",
            tuple(draw(st.lists(st.sampled_from(blobs), max_size=3))),
            draw(st.integers(0, 100)),
            draw(st.integers(0, 100)),
        )
        for number in range(draw(st.integers(0, 12)))
    ]


_MAYBE = st.none() | st.integers(0, 120)


@given(_entries(), _MAYBE, _MAYBE, _MAYBE, st.none() | st.integers(0, 4))
def test_what_stays_is_within_every_limit(
    entries: list[Entry], age: int | None, unused: int | None, most: int | None, scopes: int | None
) -> None:
    gone = surplus(entries, Limits(age, unused, most, scopes), now=100)
    kept = [entry for entry in entries if entry not in gone]
    assert len(kept) + len(gone) == len(entries)
    assert age is None or all(100 - entry.made <= age for entry in kept)
    assert unused is None or all(100 - entry.used <= unused for entry in kept)
    assert most is None or size_of(kept) <= most
    assert scopes is None or len({entry.scope for entry in kept}) <= scopes
    if age is None and unused is None and scopes is None and gone:
        # No more than is needed: with the one that was used last of them, it would be too much.
        assert most is not None
        latest = max(gone, key=lambda entry: (entry.used, entry.made))
        assert size_of([*kept, latest]) > most
        assert not kept or min(entry.used for entry in kept) >= latest.used
