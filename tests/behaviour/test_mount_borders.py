"""RUN --mount hides what the image has beneath it, on every executor, and has a file system's border."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from pathlib import Path

import pytest

from tests.behaviour.test_run_mounts import Bench
from tests.servers.bases import Base

pytestmark = pytest.mark.root

_BENEATH = """\
FROM busybox
RUN mkdir -p /w/d/e /away && echo under > /w/f && echo deep > /w/d/g && ln -s /away /w/out && echo a > /away/a
RUN ln -s /w /alias && ln -s w/d/g /to-g && cp /bin/busybox /w/true
"""
_HIDDEN = (
    "cat /w/f",
    "cat /w/d/g",
    "cat /alias/f",
    "cat /to-g",
    "cat /w/out/a",
    "cat /w/d/../../away/a",
    "cd /w/d",
    "cd /w; cat f",
    "cd /w; cat d/g",
    "cd /w; cat ../w/f",
    "cd /w; cat ./f",
    "cat w/f",
    "cd /away; cat ../w/d/g",
    "cd /alias; cat ../alias/d/g",
    "test -e /w/d/e",
    "stat /w/f",
    "/w/true",
    "cd /w; ./true",
    "exec 3</w; cat /proc/self/fd/3/f",
    "ln /w/f /linked",
    "mv /w/d/g /moved",
)


@pytest.fixture(params=["namespace", "ptrace", "chroot"])
def bench(request: pytest.FixtureRequest, busybox: Base, tmp_path: Path) -> Bench:
    return Bench(tmp_path, busybox, str(request.param))


@pytest.mark.parametrize(
    "mount", ["type=tmpfs", "type=cache", "type=bind,source=empty", "type=bind,source=empty,rw"]
)
def test_what_is_beneath_cannot_be_found(bench: Bench, mount: str) -> None:
    tries = "".join(f"( {what} ) 2>/dev/null && echo '{what}' >> /found\n" for what in _HIDDEN)
    context = bench.folder / "files"
    (context / "empty").mkdir(parents=True)
    text = _BENEATH + (
        f"RUN --mount={mount.replace('source', 'from=files,source')},target=/w <<EOF\n"
        f"touch /found\n{tries}"
        "for i in 1 2; do cat /w/d/g; done\n"  # remembered look-ups
        "true\nEOF\n"
        "RUN cat /w/f /w/d/g /alias/f /to-g /w/out/a > /after; ls -R /w >> /after\n"
    )
    built = bench.build("hidden", text, f"--build-context=files={context}")
    assert built.code == 0, built.text
    found = bench.files("hidden")
    assert found["found"] == b""
    assert found["after"].startswith(b"under\ndeep\nunder\ndeep\na\n/w:\nd\nf\nout\ntrue\n")


@pytest.mark.parametrize(
    "mount",
    [
        "type=cache,target=/home/worker/.cache",
        "type=cache,target=/var/lib/app/.cache/deeper",
        "type=tmpfs,target=/usr/local/share/x",
        "type=secret,id=a,target=/home/worker/.netrc",
    ],
)
def test_nothing_is_left(bench: Bench, mount: str) -> None:
    text = f"""\
FROM busybox
RUN mkdir -p /home/worker /var/lib/app /usr/local/share
RUN --mount={mount} true
"""
    built = bench.build("nothing", text, "--secret=id=a,env=A", env={"A": "a"})
    assert built.code == 0, built.text
    assert _names_in_the_last_layer(bench, "nothing") == []


def test_what_is_written_over_it_stays_in_the_mount(bench: Bench) -> None:
    text = (
        _BENEATH
        + """\
RUN --mount=type=cache,target=/w echo new > /w/f; mkdir /w/d && echo new > /w/d/g; \\
    cat /w/f /alias/d/g > /content; rm -rf /alias/d; mkdir /w/x; mv /w/x /w/y
RUN cat /w/f /w/d/g > /after; ls /w /w/d > /names
RUN --mount=type=cache,target=/w find /w | sort > /kept
"""
    )
    built = bench.build("written", text)
    assert built.code == 0, built.text
    found = bench.files("written")
    assert found["content"] == b"new\nnew\n"
    assert found["after"] == b"under\ndeep\n"
    assert found["names"] == b"/w:\nd\nf\nout\ntrue\n\n/w/d:\ne\ng\n"
    assert found["kept"] == b"/w\n/w/f\n/w/y\n"


def test_a_cache_is_not_changed_through_a_link(bench: Bench) -> None:
    """Where the kernel cannot refuse the link, the names part."""
    first = """\
FROM busybox
RUN --mount=type=cache,id=pool,target=/c echo good > /c/f; ln /c/f /c/inside; ln /c/f /g; \
    echo ours > /h; ln /h /c/h; true
RUN echo bad >> /g; chmod 600 /g; echo bad >> /h; true
RUN --mount=type=cache,id=pool,target=/c echo two >> /c/f; cat /g > /out; true
"""
    built = bench.build("first", first)
    assert built.code == 0, built.text
    assert b"two" not in bench.files("first").get("out", b"")
    second = """\
FROM busybox
RUN --mount=type=cache,id=pool,target=/c cat /c/f /c/inside > /content; stat -c '%a %h' /c/f > /stat; \
    cat /c/h >> /content; true
"""
    built = bench.build("second", second)
    assert built.code == 0, built.text
    found = bench.files("second")
    assert found["content"].startswith(b"good\ntwo\ngood\ntwo\n")
    assert b"bad" not in found["content"]
    assert found["stat"] == b"644 2\n"


@pytest.mark.parametrize(
    "command",
    ["mv /app/s /app/t", "mv /app/s /app/t && touch /app/s", "ln /app/s /kept", "mkdir /d && mv /app/s /d/s"],
)
def test_a_mounted_secret_never_stays(bench: Bench, command: str) -> None:
    text = f"FROM busybox\nRUN mkdir /app\nRUN --mount=type=secret,id=a,target=/app/s {command}; true\n"
    built = bench.build("secret", text, "--secret=id=a,env=A", env={"A": "never-in-a-layer"})
    if bench.executor == "chroot":
        assert built.code != 0
        assert "what is mounted at /app/s, which would be part of the image" in built.text
    else:
        assert built.code == 0, built.text
        assert b"never-in-a-layer" not in b"".join(bench.files("secret").values())


def test_a_cache_that_is_moved_is_not_lost(bench: Bench) -> None:
    mount = "FROM busybox\nRUN --mount=type=cache,target=/c,id=moved"
    assert bench.build("first", f"{mount} echo kept > /c/f\n").code == 0
    moved = bench.build("second", f"{mount} mv /c /d\n")
    assert moved.code != 0
    built = bench.build("third", f"{mount} cat /c/f > /out\n")
    assert built.code == 0, built.text
    assert bench.files("third")["out"] == b"kept\n"


def test_a_place_that_is_removed(bench: Bench) -> None:
    text = """\
FROM busybox
RUN mkdir -p /has/content && touch /has/content/file
RUN --mount=type=tmpfs,target=/etc/x/y rmdir /etc/x/y; rm -rf /etc/x; true
RUN --mount=type=tmpfs,target=/has/content rm -rf /has; true
RUN test ! -e /etc/x && ls -A /has/content > /names
"""
    built = bench.build("removed", text)
    assert built.code == 0, built.text
    assert bench.files("removed")["names"] == b"file\n"


def test_two_users_have_two_caches(bench: Bench) -> None:
    """A cache that root made is no use to anybody else: owner and mode are part of its identity."""
    mount = "RUN --mount=type=cache,id=c,target=/c"
    first = bench.build("first", f"FROM busybox\n{mount} touch /c/roots\n")
    assert first.code == 0, first.text
    text = f"FROM busybox\nUSER 1000\n{mount},uid=1000 touch /c/mine; ls /c > /tmp/names\n"
    second = bench.build("second", text)
    assert second.code == 0, second.text
    assert bench.files("second")["tmp/names"] == b"mine\n"


def test_users_read_what_a_closed_context_shows(bench: Bench) -> None:
    folder, archive = bench.folder / "closed", bench.folder / "closed.tar"
    folder.mkdir()
    (folder / "a").write_text("a\n")
    with tarfile.open(archive, "w") as tar:
        tar.add(folder / "a", "a")
    folder.chmod(0o700)
    text = """\
FROM busybox
USER 1000
RUN --mount=from=local,target=/m stat -c %a /m > /tmp/list; cat /m/a >> /tmp/list
RUN --mount=from=packed,target=/m stat -c %a /m >> /tmp/list; cat /m/a >> /tmp/list
"""
    contexts = (f"--build-context=local={folder}", f"--build-context=packed={archive}")
    built = bench.build("contexts", text, *contexts)
    assert built.code == 0, built.text
    assert bench.files("contexts")["tmp/list"] == b"755\na\n755\na\n"


def _names_in_the_last_layer(bench: Bench, name: str) -> list[str]:
    layout = bench.folder / f"{name}.oci"

    def blob(digest: str) -> bytes:
        return (layout / "blobs/sha256" / digest.partition(":")[2]).read_bytes()

    index = json.loads((layout / "index.json").read_text())
    manifest = json.loads(blob(index["manifests"][0]["digest"]))
    config = json.loads(blob(manifest["config"]["digest"]))
    if config["history"][-1].get("empty_layer"):
        return []
    data = gzip.decompress(blob(manifest["layers"][-1]["digest"]))
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        return archive.getnames()
