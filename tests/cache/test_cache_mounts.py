"""Caches of RUN --mount that survive the machine: ``build --cache-mounts``, by two executors."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.cache.hostile import push_mounts
from tests.cache.workbench import Bench
from tests.servers.bases import Base
from tests.servers.breaking_proxy import Status, serve_broken
from tests.servers.registry import RunningRegistry

pytestmark = [pytest.mark.root, pytest.mark.commands]
_MOUNT = "--mount=type=cache,id=packages,target=/var/cache/packages"


@pytest.fixture(params=["namespace", "ptrace"])
def bench(request: pytest.FixtureRequest, busybox: Base, tmp_path: Path) -> Bench:
    return Bench(tmp_path, busybox, str(request.param))


def run(bench: Bench, command: str, repository: str, *options: str, mount: str = _MOUNT) -> str:
    """Build with one command that has the cache; ``said: `` is in what it prints, not in its own text."""
    shown = command.replace("said: ", "${S}id: ")
    bench.write("Dockerfile", f"FROM busybox\nRUN {mount} S=sa; cd /var/cache/packages && {shown}\n")
    return bench.look("build", f"--cache-repo={repository}", *options)


def forget(bench: Bench) -> None:
    """Another machine."""
    shutil.rmtree(bench.home)


def said(text: str) -> list[str]:
    return re.findall(r"said: ?(.*)", text)


FILL = (
    "mkdir -p deep && echo content > deep/file && ln deep/file again && ln -s deep/file soft && "
    "chown 1000:50 deep/file && chmod 4710 deep/file && chown 1001 deep && "
    "touch -d '2020-01-02 03:04:05' deep/file && chown 7:8 . && chmod 1771 ."
)
TELL = (
    'stat -c "said: %n %a %u:%g %h" . deep deep/file again soft; '
    "echo said: $(cat again) $(readlink soft) $(stat -c %Y deep/file)"
)


def test_they_come_back_as_they_were(bench: Bench, anonymous_registry: RunningRegistry) -> None:
    repository = f"{anonymous_registry.host}/mounts/{bench.executor}"
    text = run(bench, f"{FILL}; {TELL}", repository, "--cache-mounts=export")
    before = said(text)
    assert before[0] == ". 1771 7:8 3"
    assert before[-1].startswith("content deep/file ")
    assert "the cache packages is kept: 8 bytes" in text
    forget(bench)
    text = run(bench, f": another; {TELL}", repository, "--cache-mounts", "import")
    assert "the cache packages comes from" in text
    assert said(text) == before
    # Only what is empty is brought, and only for a command that runs.
    text = run(bench, f": third; {TELL}", repository, "--cache-mounts=both")
    assert "comes from" not in text
    assert said(text) == before
    assert "is kept" not in text
    forget(bench)
    asked = len(anonymous_registry.requests())
    text = run(bench, f": third; {TELL}", repository, "--cache-mounts=both")
    assert said(text) == []
    assert not any("mounts-" in line for line in anonymous_registry.requests()[asked:])
    assert not (bench.home / "cache-mounts").exists()


def test_one_executor_takes_what_another_left(
    busybox: Base, tmp_path: Path, anonymous_registry: RunningRegistry
) -> None:
    repository = f"{anonymous_registry.host}/mounts/across"
    first = Bench(tmp_path, busybox, "ptrace")
    before = said(run(first, f"{FILL}; {TELL}", repository, "--cache-mounts=both"))
    second = Bench(tmp_path, busybox, "namespace")
    assert said(run(second, f": again; {TELL}", repository, "--cache-mounts=both")) == before


def test_what_changed_is_sent_again(bench: Bench, anonymous_registry: RunningRegistry) -> None:
    repository = f"{anonymous_registry.host}/mounts/changed-{bench.executor}"
    run(bench, "echo one > file", repository, "--cache-mounts=both")
    forget(bench)
    text = run(bench, "cat file; echo two >> file", repository, "--cache-mounts=both")
    assert "the cache packages is kept" in text
    forget(bench)
    text = run(bench, "echo said: $(cat file)", repository, "--cache-mounts=both")
    assert said(text) == ["one two"]
    assert "the cache packages is kept" not in text
    # A build that fails sends nothing.
    bench.write("Dockerfile", f"FROM busybox\nRUN {_MOUNT} echo three > /var/cache/packages/file && false\n")
    bench.look("build", f"--cache-repo={repository}", "--cache-mounts=both", code=1)
    forget(bench)
    assert said(run(bench, ": y; echo said: $(cat file)", repository, "--cache-mounts=import")) == ["one two"]


def test_what_was_emptied_stays_empty(bench: Bench, anonymous_registry: RunningRegistry) -> None:
    """Elsewhere, too; and a cache of empty files and links is one."""
    repository = f"{anonymous_registry.host}/mounts/emptied-{bench.executor}"
    run(bench, ": > file && ln -s file soft", repository, "--cache-mounts=both")
    forget(bench)
    text = run(bench, "echo said: *; rm file soft", repository, "--cache-mounts=both")
    assert said(text) == ["file soft"]
    forget(bench)
    assert said(run(bench, "echo said: *", repository, "--cache-mounts=both")) == ["*"]


def test_names_limits_and_branches(
    busybox: Base, tmp_path: Path, anonymous_registry: RunningRegistry
) -> None:
    bench = Bench(tmp_path, busybox)
    repository = f"{anonymous_registry.host}/mounts/limits"
    small = "--cache-mounts-max-size=10kB"
    text = run(bench, "head -c 9000 /dev/zero > f", repository, "--cache-mounts=both", small)
    assert "is kept" in text
    other = _MOUNT.replace("packages,", "other,")
    text = run(bench, "head -c 2000 /dev/zero > f", repository, "--cache-mounts=both", small, mount=other)
    assert "it has 2,000 bytes, and all may have 10,000, 9,000 of which others there have (remove" in text
    text = run(bench, "head -c 900 /dev/zero > f", repository, "--cache-mounts=both", small, mount=other)
    assert "the cache other is kept: 900 bytes" in text
    (place,) = bench.json("du", "--cache-repo", repository)["places"]
    mounts = [scope for scope in place["scopes"] if scope["scope"].startswith("mounts-")]
    assert [entry["title"] for entry in mounts[0]["entries"]] == [
        "cache mount packages",
        "cache mount other",
    ]
    # Another namespace is another cache; another branch reads what its target branch has, and writes its own.
    forget(bench)
    text = run(bench, "ls", repository, "--cache-mounts=both", "--build-arg=BUILDKIT_CACHE_MOUNT_NS=mine")
    assert "comes from" not in text
    forget(bench)
    branches = ("--cache-branch=topic", "--cache-branch=")
    text = run(bench, ': branch; stat -c "said: %s" f', repository, "--cache-mounts=both", *branches)
    assert said(text) == ["9000"]
    asked = bench.json("du", "--cache-repo", repository)["places"][0]["scopes"]
    tags = [scope["scope"] for scope in asked if scope["scope"].startswith("mounts-")]
    assert len(tags) == 2
    bench.say("prune", "--cache-repo", repository, "--all")
    (place,) = bench.json("du", "--cache-repo", repository)["places"]
    assert place["scopes"] == []


def test_a_registry_that_fails_costs_no_build(
    busybox: Base, tmp_path: Path, anonymous_registry: RunningRegistry
) -> None:
    bench = Bench(tmp_path, busybox)
    repository = f"{anonymous_registry.host}/mounts/fails"
    run(bench, "echo kept > file", repository, "--cache-mounts=both")
    for status in (404, 403, 500):
        with serve_broken(anonymous_registry.host) as proxy:
            through = repository.replace(anonymous_registry.host, proxy.host)
            forget(bench)
            proxy.breaks(Status(status), path="/manifests/mounts-", times=99)
            options = ("--cache-mounts=both", "--registry-retries=0")
            text = run(bench, f"echo said: $(ls) {status}; echo new > new", through, *options)
            assert said(text) == [str(status)]
            assert status == 404 or "caches do not come from" in text
            assert "caches are not kept at" in text
    with serve_broken(anonymous_registry.host) as proxy:
        through = repository.replace(anonymous_registry.host, proxy.host)
        forget(bench)
        proxy.breaks(Status(500), method="GET", path="/blobs/", times=99)
        text = run(bench, "echo said: $(ls) blobs", through, "--cache-mounts=import", "--registry-retries=0")
        assert said(text) == ["blobs"]


@pytest.mark.parametrize("path", ["/manifests/mounts-", "/blobs/"])
def test_one_that_did_not_come_is_not_replaced(
    path: str, busybox: Base, tmp_path: Path, anonymous_registry: RunningRegistry
) -> None:
    """The registry is well again when the cache is written."""
    bench = Bench(tmp_path, busybox)
    repository = f"{anonymous_registry.host}/mounts/kept-{path.split('/')[1]}"
    run(bench, "echo much > file", repository, "--cache-mounts=both")
    with serve_broken(anonymous_registry.host) as proxy:
        through = repository.replace(anonymous_registry.host, proxy.host)
        if path == "/blobs/":
            (tag,) = _tags(bench, repository)
            path = f"/blobs/{_blobs(repository, tag)[1]}"
        proxy.breaks(Status(503), method="GET", path=path, times=1)
        forget(bench)
        options = ("--cache-mounts=both", "--registry-retries=0")
        text = run(bench, "echo said: $(ls); echo little > other", through, *options)
    assert said(text) == [""]
    assert "not kept at" in text
    forget(bench)
    assert said(run(bench, ": now; echo said: *", repository, "--cache-mounts=both")) == ["file"]


def _tags(bench: Bench, repository: str) -> list[str]:
    (place,) = bench.json("du", "--cache-repo", repository)["places"]
    return [scope["scope"] for scope in place["scopes"] if scope["scope"].startswith("mounts-")]


def _blobs(repository: str, tag: str) -> list[str]:
    """Digests of an image's config and layers."""
    inspect = ["skopeo", "inspect", "--tls-verify=false", "--raw", f"docker://{repository}:{tag}"]
    manifest = json.loads(subprocess.run(inspect, check=True, capture_output=True).stdout)
    return [item["digest"] for item in (manifest["config"], *manifest["layers"])]


def test_one_that_is_lost_is_made_anew(
    busybox: Base, tmp_path: Path, anonymous_registry: RunningRegistry
) -> None:
    """The others stay, and new ones are kept."""
    bench = Bench(tmp_path, busybox)
    repository = f"{anonymous_registry.host}/mounts/lost"
    other, third = (_MOUNT.replace("packages,", f"{name},") for name in ("other", "third"))
    run(bench, "echo first > file", repository, "--cache-mounts=both")
    run(bench, "echo second > file", repository, "--cache-mounts=both", mount=other)
    (tag,) = _tags(bench, repository)
    anonymous_registry.remove_blob(_blobs(repository, tag)[1], "mounts/lost")
    forget(bench)
    text = run(bench, "echo 3 > file", repository, "--cache-mounts=both", mount=third)
    assert "the cache third is kept" in text
    assert "warning" not in text
    assert said(run(bench, "echo said: $(cat file)", repository, "--cache-mounts=both", mount=other)) == [
        "second"
    ]
    text = run(bench, "ls; echo again > file", repository, "--cache-mounts=both")
    assert "the cache packages is kept" in text
    forget(bench)
    assert said(run(bench, "echo said: $(cat file)", repository, "--cache-mounts=both")) == ["again"]


def test_hostile_content_stays_inside(
    busybox: Base, tmp_path: Path, anonymous_registry: RunningRegistry
) -> None:
    """A layer whose names lead out of the cache: the cache begins empty."""
    bench = Bench(tmp_path, busybox)
    repository = f"{anonymous_registry.host}/mounts/hostile"
    run(bench, "echo good > file", repository, "--cache-mounts=export")
    push_mounts(repository, "packages", tmp_path)
    forget(bench)
    text = run(bench, ": z; echo said: $(ls)", repository, "--cache-mounts=import")
    assert "begins empty" in text
    assert said(text) == [""]
    assert not list(tmp_path.rglob("escaped"))


def test_what_it_needs(busybox: Base, tmp_path: Path) -> None:
    bench = Bench(tmp_path, busybox)
    bench.write("Dockerfile", "FROM scratch\nCOPY Dockerfile /\n")
    assert "--cache-repo" in bench.look("build", "--cache-mounts=both", code=2)
    assert "import, export or both" in bench.look("build", "--cache-mounts=never", code=2)
    assert "is no size" in bench.look("build", "--cache-mounts-max-size=much", code=2)
    assert "no caches are kept" in bench.look("build", "--cache-mounts-max-size=1MB", code=2)
    for option in ("--cache-branch=main", "--cache-ttl=1h"):
        assert f"{option.partition('=')[0]}: there is no cache" in bench.look("build", option, code=2)
    own = ("--tag=a.example/app:1", "--cache-repo=a.example/app", "--cache-mounts=both")
    assert "is the image's own" in bench.look("build", *own, code=2)
    for option in ("--cache-repo", "--cache-mounts", "--cache-ttl", "--cache-branch", "--no-cache-filter"):
        assert f"{option} is empty" in bench.look("build", f"{option}=", code=2)
    assert "given twice" in bench.look(
        "build", "--cache-repo=a.example/a", "--cache-repo=a.example/b", code=2
    )
    assert "--cache-mounts" in bench.say("build", "--help")


def test_skopeo_sees_an_image(busybox: Base, tmp_path: Path, anonymous_registry: RunningRegistry) -> None:
    bench = Bench(tmp_path, busybox)
    repository = f"{anonymous_registry.host}/mounts/skopeo"
    run(bench, "echo text > file", repository, "--cache-mounts=export")
    (place,) = bench.json("du", "--cache-repo", repository)["places"]
    (tag,) = [scope["scope"] for scope in place["scopes"] if scope["scope"].startswith("mounts-")]
    command = ["skopeo", "copy", "--quiet", "--src-tls-verify=false", f"docker://{repository}:{tag}"]
    subprocess.run([*command, f"oci:{tmp_path / 'copy'}:x"], check=True, capture_output=True)


def test_caches_of_two_owners_are_two(bench: Bench, anonymous_registry: RunningRegistry) -> None:
    repository = f"{anonymous_registry.host}/owners/{bench.executor}"
    other = f"{_MOUNT},uid=1000,mode=0700"
    run(bench, "echo 1 > roots", repository, "--cache-mounts=export")
    run(bench, "echo 22 > theirs", repository, "--cache-mounts=export", mount=other)
    forget(bench)
    tell = 'echo said: $(ls) $(stat -c "%u %a" .)'
    assert said(run(bench, tell, repository, "--cache-mounts=import")) == ["roots 0 755"]
    assert said(run(bench, tell, repository, "--cache-mounts=import", mount=other)) == ["theirs 1000 700"]


def test_one_that_no_layer_can_hold_keeps_no_other_from_it(
    bench: Bench, anonymous_registry: RunningRegistry
) -> None:
    repository = f"{anonymous_registry.host}/apart/{bench.executor}"
    odd = "RUN --mount=type=cache,id=odd,target=/c touch /c/.wh.x\n"
    good = "RUN --mount=type=cache,id=good,target=/c cat /c/x 2> /dev/null; echo found > /c/x\n"
    bench.write("Dockerfile", f"FROM busybox\n{odd}{good}")
    text = bench.look("build", f"--cache-repo={repository}", "--cache-mounts=export")
    assert "the cache odd is not kept" in text
    forget(bench)
    text = bench.look("build", f"--cache-repo={repository}", "--cache-mounts=import", "--no-cache-filter=0")
    assert "the cache good comes from" in text
