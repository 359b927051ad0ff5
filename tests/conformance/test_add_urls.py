"""ADD of http URLs by docker's BuildKit and by this project, from one server; and what docker 20.10 lacks."""

from __future__ import annotations

import gzip
import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.compare.builders import Built, build_docker, build_ours
from tests.compare.difference import difference
from tests.compare.entries import Exported
from tests.compare.images import export_docker, export_ours
from tests.conformance.cases.add import archive
from tests.servers.bases import Base
from tests.servers.dockerd import Docker

pytestmark = pytest.mark.docker

_DATED = "Sun, 13 Sep 2020 12:26:40 GMT"
_SECONDS = 1_600_000_000
_FILE = b"what was asked for\n"
_TGZ = gzip.compress(archive(), mtime=0)
_DIGEST = hashlib.sha256(_FILE).hexdigest()


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == "/moved":
            self._answer(302, b"", Location="/folder/file.txt")
        elif path == "/gone":
            self._answer(404, b"gone")
        elif path.endswith(".tgz"):
            self._answer(200, _TGZ, **{"Last-Modified": _DATED})
        elif path == "/undated":
            self._answer(200, _FILE)
        else:
            self._answer(200, _FILE, **{"Last-Modified": _DATED})

    do_HEAD = do_GET

    def _answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


class Both:
    """Builds a Dockerfile by docker and by this project."""

    def __init__(self, docker: Docker, base: Base, folder: Path) -> None:
        self.docker = docker
        self.base = base
        self.folder = folder
        (folder / "context").mkdir()
        (folder / "context/a").write_text("a")
        (folder / "home").mkdir()

    def theirs(self, dockerfile: str) -> Built:
        return build_docker(self.docker, "conformance/urls", self._written(dockerfile), ())

    def ours(self, dockerfile: str) -> Built:
        context, home = self._written(dockerfile), self.folder / "home"
        return build_ours(self.folder / "layout", context, (), home=home, bases=[self.base])

    def exported(self) -> tuple[Exported, Exported]:
        (self.folder / "saved").mkdir()
        saved = export_docker(self.docker, "conformance/urls", self.folder / "saved")
        return saved, export_ours(self.folder / "layout")

    def _written(self, dockerfile: str) -> Path:
        (self.folder / "context/Dockerfile").write_text(f"FROM busybox\n{dockerfile}")
        return self.folder / "context"


@pytest.fixture
def both(docker: Docker, busybox: Base, tmp_path: Path) -> Both:
    return Both(docker, busybox, tmp_path)


@pytest.mark.parametrize(
    "lines",
    [
        "ADD {url}/folder/file.txt /x\n",
        "ADD {url}/folder/file.txt /x/\n",
        "ADD {url}/undated /x/\n",
        "ADD {url}/folder/file.txt?a=/b/c#d /x/\n",
        "ADD {url}/with%20space%2Fslash /x/\n",
        "ADD {url}/moved /x/\n",
        "ADD {url}/ /x/\n",
        "ADD {url} /y\n",
        "ADD {url}/folder/ /x/\n",
        "ADD {url}/one/folder// /x/\n",
        "ADD {url}/a.tgz /x/\n",
        "ADD --chown=worker {url}/folder/file.txt /x/\n",
        "ADD {url}/one a {url}/two /x/\n",
        "RUN mkdir /d && ln -s d /l\nADD {url}/one /d\nADD {url}/two /l\n",
        "ARG NAME=one\nWORKDIR /w\nADD {url}/$NAME .\n",
    ],
)
def test_as_docker_downloads_it(lines: str, both: Both, url: str) -> None:
    dockerfile = lines.format(url=url)
    for built in (both.theirs(dockerfile), both.ours(dockerfile)):
        assert built.code == 0, built.text
    theirs, ours = both.exported()
    assert difference(theirs, ours) == []
    content = hashlib.sha256(_FILE).hexdigest()
    dated = {name: item.modified for name, item in ours.files.entries.items() if item.content == content}
    assert dated == {name: theirs.files.entries[name].modified for name in dated}
    assert set(dated.values()) <= {_SECONDS, 0}
    assert dated or ".tgz" in lines


@pytest.mark.parametrize(
    ("line", "said"),
    [("ADD {url}/gone /x/\n", "404"), ("ADD http://127.0.0.1:1/x /x\n", "/x cannot be reached: Failed to")],
)
def test_what_both_refuse(line: str, said: str, both: Both, url: str) -> None:
    assert both.theirs(line.format(url=url)).code != 0
    built = both.ours(line.format(url=url))
    assert built.code != 0
    assert "Dockerfile:2" in built.text
    assert said in built.text


@pytest.mark.parametrize(
    ("digest", "ends"),
    [
        (f"sha256:{_DIGEST}", 0),
        (f"sha512:{hashlib.sha512(_FILE).hexdigest()}", 0),
        (f"sha256:{'0' * 64}", 1),
    ],
)
def test_checksums(digest: str, ends: int, both: Both, url: str) -> None:
    built = both.ours(f"ARG SUM={digest}\nADD --checksum=$SUM {url}/one /x/\n")
    assert bool(built.code) == bool(ends), built.text
    if ends:
        assert f"expected {digest}, got sha256:{_DIGEST}" in built.text


def test_what_docker_20_10_lacks(both: Both, url: str) -> None:
    assert both.theirs("COPY a /x/one\nADD a /y/\n").code == 0
    built = both.ours(
        f"""\
ADD --unpack {url}/a.tgz {url}/one /x/
ADD --unpack=true --chown=4:5 {url}/a.tgz /y/
ADD --unpack=false {url}/a.tgz /z/
ADD --exclude=*.tgz {url}/a.tgz {url}/one /w/
ADD --link {url}/a.tgz /bin/
ADD --chmod=755 {url}/one /modes/octal
ADD --chmod=a+x,g+w {url}/one /modes/letters
"""
    )
    assert built.code == 0, built.text
    _, ours = both.exported()
    entries = ours.files.entries
    assert (entries["x/t/a"].mode, entries["x/t/a"].uid, entries["x/t/setuid"].mode) == (0o640, 1000, 0o4755)
    assert (entries["x/one"].mode, entries["x/one"].modified) == (0o600, _SECONDS)
    assert {(item.uid, item.gid) for name, item in entries.items() if name.startswith("y/t")} == {(4, 5)}
    assert entries["z/a.tgz"].content == hashlib.sha256(_TGZ).hexdigest()
    assert {name for name in entries if name.startswith("w/")} == {"w/one"}
    assert entries["bin/a.tgz"].mode == 0o600
    assert (entries["modes/octal"].mode, entries["modes/letters"].mode) == (0o755, 0o731)
