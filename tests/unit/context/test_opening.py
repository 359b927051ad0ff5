"""From a folder, a stream or a URL to a Context, and the Dockerfile in it."""

from __future__ import annotations

import io
import os
import tarfile
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from ci_builder.context.context import Place
from ci_builder.context.dockerfile import read_dockerfile
from ci_builder.context.http import download
from ci_builder.context.kaniko import from_kaniko
from ci_builder.context.opening import open_context, open_named_context
from ci_builder.errors import CiBuilderError, ContextError, Unsupported, UsageError

MakePlace = Callable[..., Place]


_NEWEST = 1_234_567_890


def tar_of(**files: str) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        for name, text in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(text)
            info.mtime = _NEWEST
            tar.addfile(info, io.BytesIO(text.encode()))
    return stream.getvalue()


def write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_a_folder(tmp_path: Path, place: MakePlace) -> None:
    write(tmp_path / "app", Dockerfile="FROM a\n")
    context = open_context("app", "", place())
    source, context = read_dockerfile("", context, place())
    assert (source.name, source.text) == ("Dockerfile", "FROM a\n")
    assert context.root == tmp_path / "app"
    assert not context.ignore.patterns


def test_sub_path(tmp_path: Path, place: MakePlace) -> None:
    write(tmp_path / "app/sub", Dockerfile="FROM a\n")
    assert open_context("app", "sub", place()).root == tmp_path / "app/sub"
    with pytest.raises(ContextError, match="outside"):
        open_context("app", "../..", place())


@pytest.mark.parametrize(("text", "message"), [("missing", "No such file"), ("file", "is no folder")])
def test_no_folder(tmp_path: Path, place: MakePlace, text: str, message: str) -> None:
    (tmp_path / "file").write_text("FROM a\n")
    with pytest.raises(ContextError, match=message):
        open_context(text, "", place())


def test_a_circle_of_links(tmp_path: Path, place: MakePlace) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(ContextError, match="there is no build context 'a'"):
        open_context("a", "", place())


def test_file_counts_from_here_then_from_the_context(tmp_path: Path, place: MakePlace) -> None:
    write(tmp_path, **{"app/x.Dockerfile": "FROM context\n", "app/y.Dockerfile": "FROM context\n"})
    write(tmp_path, **{"x.Dockerfile": "FROM here\n"})
    context = open_context("app", "", place())
    assert read_dockerfile("x.Dockerfile", context, place())[0].text == "FROM here\n"
    assert read_dockerfile("y.Dockerfile", context, place())[0].text == "FROM context\n"


def test_a_missing_dockerfile_names_places_and_similar_files(tmp_path: Path, place: MakePlace) -> None:
    write(
        tmp_path / "app", **{"prod.Dockerfile": "", "Dockerfile.dev": "", "Dockerfile.dev.dockerignore": ""}
    )
    context = open_context("app", "", place())
    with pytest.raises(ContextError, match=f"no Dockerfile in {tmp_path}/app") as caught:
        read_dockerfile("", context, place())
    assert caught.value.hint == "there is Dockerfile.dev, prod.Dockerfile: name it, if that is meant"


def test_lower_case_is_found(tmp_path: Path, place: MakePlace) -> None:
    write(tmp_path / "app", dockerfile="FROM lower\n")
    assert read_dockerfile("", open_context("app", "", place()), place())[0].text == "FROM lower\n"


def test_own_ignore_file_wins(tmp_path: Path, place: MakePlace) -> None:
    write(
        tmp_path / "app",
        **{"Dockerfile": "", "prod": "", ".dockerignore": "general", "prod.dockerignore": "own"},
    )
    context = open_context("app", "", place())
    general = read_dockerfile("", context, place())[1].ignore
    own = read_dockerfile("app/prod", context, place())[1].ignore
    assert [general.excludes(b"general"), general.excludes(b"own")] == [True, False]
    assert [own.excludes(b"general"), own.excludes(b"own")] == [False, True]


def test_named_contexts_have_their_own_ignore_file(tmp_path: Path, place: MakePlace) -> None:
    write(tmp_path / "other", **{".dockerignore": "x"})
    context = open_named_context("lib", "other", place())
    assert context.name == "the build context lib"
    assert context.ignore.excludes(b"x/y")


def test_dockerfile_on_standard_input(tmp_path: Path, place: MakePlace) -> None:
    write(tmp_path / "app", **{".dockerignore": "x"})
    here = place(b"FROM stdin\n")
    source, context = read_dockerfile("-", open_context("app", "", here), here)
    assert source.text == "FROM stdin\n"
    assert context.ignore.excludes(b"x")


def test_archive_on_standard_input(place: MakePlace) -> None:
    here = place(tar_of(**{"Dockerfile": "FROM tar\n", "sub/Other": "FROM other\n", ".dockerignore": "x"}))
    context = open_context("-", "", here)
    source, ignoring = read_dockerfile("", context, here)
    assert source.text == "FROM tar\n"
    assert ignoring.ignore.excludes(b"x")
    assert read_dockerfile("sub/Other", context, here)[0].text == "FROM other\n"
    with pytest.raises(UsageError, match="both"):
        read_dockerfile("-", context, here)
    with pytest.raises(ContextError, match="no Missing in the root of the context"):
        read_dockerfile("Missing", context, here)


def test_a_dockerfile_alone_on_standard_input(place: MakePlace) -> None:
    here = place(b"FROM alone\n")
    context = open_context("-", "", here)
    assert read_dockerfile("", context, here)[0].text == "FROM alone\n"
    assert not list(context.root.iterdir())


@pytest.mark.parametrize(
    ("data", "message"), [(b"", "empty"), (b"\x7fELF\0\0", "neither"), (b"\xff\xfe", "UTF-8")]
)
def test_nonsense_on_standard_input(place: MakePlace, data: bytes, message: str) -> None:
    with pytest.raises(ContextError, match=message):
        open_context("-", "", place(data))


def test_a_link_in_an_archive_does_not_show_files_of_the_machine(tmp_path: Path, place: MakePlace) -> None:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        info = tarfile.TarInfo("Dockerfile")
        info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(info)
    context = open_context("-", "", place(stream.getvalue()))
    with pytest.raises(ContextError, match="outside"):
        read_dockerfile("", context, place())


def test_a_fifo_is_not_waited_for(tmp_path: Path, place: MakePlace) -> None:
    (tmp_path / "app").mkdir()
    os.mkfifo(tmp_path / "app/Dockerfile")
    with pytest.raises(ContextError, match="not a regular file"):
        read_dockerfile("", open_context("app", "", place()), place())


def test_an_archive_file(tmp_path: Path, place: MakePlace) -> None:
    (tmp_path / "context.tar.gz").write_bytes(tar_of(Dockerfile="FROM file\n"))
    context = open_context("context.tar.gz", "", place())
    assert read_dockerfile("", context, place())[0].text == "FROM file\n"


@pytest.mark.parametrize("text", ["s3://b/c.tar", "gs://b/c.tar", "azure://b/c.tar"])
def test_object_stores_say_what_to_do(place: MakePlace, text: str) -> None:
    with pytest.raises(Unsupported, match="object stores") as caught:
        open_context(text, "", place())
    assert "download" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("dir:///workspace", "/workspace"),
        ("tar://c.tar.gz", "c.tar.gz"),
        ("tar://stdin", "-"),
        ("git://github.com/acme/x.git#refs/heads/main", "https://github.com/acme/x.git#refs/heads/main"),
        ("git://github.com/acme/x#refs/heads/main#abc123", "https://github.com/acme/x.git#abc123"),
        ("s3://bucket/x", "s3://bucket/x"),
        ("folder", "folder"),
    ],
)
def test_kaniko(text: str, expected: str) -> None:
    assert from_kaniko(text) == expected


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path.startswith("/moved"):
            self.send_response(302)
            self.send_header("Location", "/context.tar.gz")
            self.end_headers()
            return
        body = tar_of(Dockerfile="FROM web\n") if "tar" in self.path else b"FROM text\n"
        self.send_response(404 if "missing" in self.path else 200)
        self.send_header("Content-Length", str(len(body) + (100 if "cut" in self.path else 0)))
        date = "yesterday" if "undated" in self.path else "Tue, 14 Nov 2023 22:13:20 GMT"
        self.send_header("Last-Modified", date)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def web() -> Iterator[str]:
    """The address of a web server with a context in it."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("path", "expected"),
    [("/context.tar.gz", "FROM web\n"), ("/moved", "FROM web\n"), ("/Dockerfile", "FROM text\n")],
)
def test_urls(place: MakePlace, web: str, path: str, expected: str) -> None:
    context = open_context(web + path, "", place())
    assert read_dockerfile("", context, place())[0].text == expected


def test_the_time_of_a_context(tmp_path: Path, place: MakePlace, web: str) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app.tar.gz").write_bytes(tar_of(Dockerfile="FROM a\n"))
    assert open_context("app", "", place()).moment is None
    assert open_context("app.tar.gz", "", place()).moment == _NEWEST
    assert open_context(f"{web}/context.tar.gz", "", place()).moment == 1_700_000_000
    assert open_context(f"{web}/undated.tar.gz", "", place()).moment == _NEWEST


def test_a_dockerfile_from_a_url(tmp_path: Path, place: MakePlace, web: str) -> None:
    (tmp_path / "app").mkdir()
    context = open_context("app", "", place())
    assert read_dockerfile(f"{web}/Dockerfile", context, place())[0].text == "FROM text\n"


@pytest.mark.parametrize(("path", "message"), [("/missing", "answers 404"), ("/cut.tar", "broke off")])
def test_urls_that_fail(place: MakePlace, web: str, path: str, message: str) -> None:
    with pytest.raises(ContextError, match=message):
        open_context(web + path, "", place())


def test_secrets_of_a_url_are_not_shown(place: MakePlace) -> None:
    with pytest.raises(CiBuilderError) as caught:
        open_context("http://user:s3cret@127.0.0.1:1/x.tar?signature=s3cret", "", place())
    assert "127.0.0.1:1/x.tar" in str(caught.value)
    assert "s3cret" not in str(caught.value)


def test_headers_of_a_download(place: MakePlace, web: str) -> None:
    with download(f"{web}/Dockerfile", place().sessions) as answer:
        assert answer.stream.read(4) == b"FROM"
        assert answer.headers["last-modified"] == "Tue, 14 Nov 2023 22:13:20 GMT"
