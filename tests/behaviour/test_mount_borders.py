"""RUN --mount hides what the image has beneath it, on every executor, and has a border like a file system's."""

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
RUN --mount=type=cache,target=/w echo new > /w/f; mkdir /w/d && echo new > /w/d/g; cat /w/f /alias/d/g > /content; \\
    rm -rf /alias/d; mkdir /w/x; mv /w/x /w/y
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
