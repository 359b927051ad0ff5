"""ADD: archives are unpacked, URLs are downloaded, on every executor. (Repositories: test_add_git.)"""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import lzma
import tarfile
from collections.abc import Callable, Iterator

import pytest
import zstandard

from tests.behaviour.web import MODIFIED, serve
from tests.behaviour.workbench import ALL, NONE, File, Image, Refusal, Refuse, Workbench, agree, folder, plain
from tests.conformance.case import Case, Symlink
from tests.conformance.case import File as Given

pytestmark = pytest.mark.root

_DOWNLOAD = b"downloaded\n"
_SUM = f"sha256:{hashlib.sha256(_DOWNLOAD).hexdigest()}"
_ONLY_ONE = "requires at least two arguments, but only one was provided. Destination could not be determined"
_TIME = 1_500_000_000


def _tar(*members: tuple[str, bytes, int, int, str]) -> bytes:
    """An archive of (name, type, mode, owner and group, target or content)."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, kind, mode, owner, text in members:
            item = tarfile.TarInfo(name)
            item.type, item.mode, item.uid, item.gid, item.mtime = kind, mode, owner, owner + 1, _TIME
            data = text.encode() if kind == tarfile.REGTYPE else b""
            item.size, item.linkname = len(data), "" if data else text
            tar.addfile(item, io.BytesIO(data))
    return stream.getvalue()


_ARCHIVE = _tar(
    ("./d", tarfile.DIRTYPE, 0o750, 7, ""),
    ("./d/file", tarfile.REGTYPE, 0o640, 7, "in it"),
    ("./d/hard", tarfile.LNKTYPE, 0o640, 7, "./d/file"),
    ("./d/link", tarfile.SYMTYPE, 0o777, 8, "file"),
    ("./setuid", tarfile.REGTYPE, 0o4755, 0, "s"),
    ("deep/without/parents", tarfile.REGTYPE, 0o600, 5, "p"),
)


def _one(name: str) -> bytes:
    return _tar((name, tarfile.REGTYPE, 0o644, 0, name))


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serve({"/file.txt": _DOWNLOAD, "/a.tgz": gzip.compress(_ARCHIVE)}) as url:
        yield url


@pytest.fixture(scope="module")
def case(url: str) -> Case:
    return Case(
        name="add",
        dockerfile=f"""\
FROM busybox
ENV url={url} sum={_SUM}
RUN mkdir /real && ln -s /real /link && mkdir -p /over/d/file && echo keep > /over/keep
ADD plain /copied/
ADD dir /folder
ADD a.tar /unpacked
ADD gzip bzip2 xz zstd.txt plain /many/
ADD a.tar /over/
ADD gzip /link/
ADD --chown=5:6 a.tar /chowned/
ADD --unpack=false a.tar /kept/
ADD fake.tar.gz /fake/
ADD --link gzip /linked/
ADD --exclude=*.x dir /excluded/
ADD ["plain", "/json dest/"]
ADD <<EOF /heredoc
$sum
EOF
ADD --checksum=$sum $url/file.txt /url/
ADD --chmod=640 --chown=worker:staff $url/file.txt /url/named
ADD $url/a.tgz /url/
ADD --unpack $url/a.tgz /url/unpacked/
RUN cat /url/file.txt > /seen
""",
        context={
            "plain": Given("plain", 0o755),
            "dir/a": "a",
            "dir/b.x": "b",
            "dir/link": Symlink("a"),
            "dir/inner.tar": Given(_ARCHIVE),
            "a.tar": Given(_ARCHIVE),
            "gzip": Given(gzip.compress(_one("of-gzip"))),
            "bzip2": Given(bz2.compress(_one("of-bzip2"))),
            "xz": Given(lzma.compress(_one("of-xz"))),
            "zstd.txt": Given(zstandard.compress(_one("of-zstd"))),
            "fake.tar.gz": "no archive",
        },
    )


def test_files_and_folders_are_copied(image: Image) -> None:
    assert image.files["copied/plain"] == plain("plain", 0o755)
    assert image.files["json dest/plain"] == plain("plain", 0o755)
    assert image.files["folder/a"] == plain("a")
    assert image.files["folder/link"] == File("symlink", 0o777, content="a")
    assert image.files["folder/inner.tar"].kind == "file"
    assert image.read("heredoc") == f"{_SUM}\n"
    assert {path for path in image.files if path.startswith("excluded/")} == {
        "excluded/a",
        "excluded/link",
        "excluded/inner.tar",
    }


def test_an_archive_is_unpacked_as_it_is(image: Image) -> None:
    layer = image.layer_of("ADD a.tar /unpacked")
    files = {path: file for path, file in layer.items() if file.kind != "directory"}
    assert files == {
        "unpacked/d/file": plain("in it", 0o640, 7, 8),
        "unpacked/d/hard": File("link", 0o640, 7, 8, "unpacked/d/file"),
        "unpacked/d/link": File("symlink", 0o777, 8, 9, "file"),
        "unpacked/setuid": plain("s", 0o4755, 0, 1),
        "unpacked/deep/without/parents": plain("p", 0o600, 5, 6),
    }
    assert layer["unpacked/d"] == folder(0o750, 7, 8)
    assert layer["unpacked/d/file"].modified == _TIME
    assert layer["unpacked/deep/without"] == folder()


def test_the_content_decides_not_the_name(image: Image) -> None:
    found = {path: image.read(path) for path in image.files if path.startswith("many/")}
    names = ("of-gzip", "of-bzip2", "of-xz", "of-zstd", "plain")
    assert found == {f"many/{name}": name for name in names}
    assert image.files["fake/fake.tar.gz"] == plain("no archive")


def test_an_archive_goes_over_what_is_there(ran: Image) -> None:
    assert ran.files["over/d/file"] == plain("in it", 0o640, 7, 8)
    assert ran.read("over/keep") == "keep\n"
    assert ran.read("real/of-gzip") == "of-gzip"


def test_flags_for_archives(image: Image) -> None:
    chowned = image.layer_of("ADD --chown=5:6")
    root_s = {path for path, file in chowned.items() if (file.uid, file.gid) != (5, 6)}
    # What the archive has no entry for is made by whoever unpacks, as in docker.
    assert root_s == {"chowned/deep", "chowned/deep/without"}
    assert image.files["kept/a.tar"].kind == "file"
    assert "kept/d" not in image.files
    assert set(image.layer_of("ADD gzip /linked/")) == {"linked", "linked/of-gzip"}


def test_downloads(image: Image) -> None:
    """Dockerfile reference, "Adding files from a URL": mode 0600, the time of Last-Modified."""
    content = _DOWNLOAD.decode()
    assert image.files["url/file.txt"] == plain(content, 0o600)
    assert image.files["url/file.txt"].modified == MODIFIED
    assert image.files["url/named"] == plain(content, 0o640, 1000, 50)
    assert (image.files["url/a.tgz"].kind, image.files["url/a.tgz"].mode) == ("file", 0o600)
    assert image.files["url/unpacked/d/file"] == plain("in it", 0o640, 7, 8)


def test_commands_see_downloads(ran: Image) -> None:
    assert ran.read("seen") == _DOWNLOAD.decode()


def test_the_history(image: Image, url: str) -> None:
    assert [line.removesuffix(" # buildkit") for line, layered in image.said("ADD") if layered] == [
        "ADD plain /copied/",
        "ADD dir /folder",
        "ADD a.tar /unpacked",
        "ADD gzip bzip2 xz zstd.txt plain /many/",
        "ADD a.tar /over/",
        "ADD gzip /link/",
        "ADD --chown=5:6 a.tar /chowned/",
        "ADD a.tar /kept/",
        "ADD fake.tar.gz /fake/",
        "ADD gzip /linked/",
        "ADD dir /excluded/",
        "ADD plain /json dest/",
        "ADD <<EOF /heredoc",
        f"ADD {url}/file.txt /url/",
        f"ADD --chown=worker:staff --chmod=640 {url}/file.txt /url/named",
        f"ADD {url}/a.tgz /url/",
        f"ADD {url}/a.tgz /url/unpacked/",
    ]


@pytest.mark.parametrize("executor", ALL)
def test_another_checksum_is_refused(workbench: Workbench, executor: str, url: str) -> None:
    wrong = "sha256:" + "0" * 64
    text = f"FROM busybox\nADD --checksum={wrong} {url}/file.txt /\n"
    built = workbench.build(executor, Case(name="checksum", dockerfile=text))
    assert built.code == 1
    assert "error: Dockerfile:2: " in built.text
    assert wrong in built.text
    assert _SUM in built.text


@pytest.mark.parametrize(
    ("line", "said"),
    [("ADD {url}/gone /", "404"), ("ADD broken.tgz /", "broken.tgz"), ("ADD missing /", "missing")],
)
def test_what_cannot_be_added(workbench: Workbench, url: str, line: str, said: str) -> None:
    case = Case(
        name="broken",
        dockerfile=f"FROM busybox\n{line.format(url=url)}\n",
        context={"broken.tgz": Given(gzip.compress(_ARCHIVE)[:200])},
    )
    built = workbench.build(NONE, case)
    assert built.code == 1
    assert "error: Dockerfile:2: " in built.text
    assert said in built.text
    assert "Traceback" not in built.text


def test_every_executor_makes_the_same(images: Callable[[str], Image]) -> None:
    agree(images)


@pytest.mark.parametrize(
    ("line", "message", "hint"),
    [
        ("ADD", "ADD requires at least two arguments", ""),
        ("ADD a", f"ADD {_ONLY_ONE}", ""),
        (
            "ADD a b /c",
            "ADD of more than one source needs a directory as its destination",
            "end it with a slash: /c/",
        ),
        ("ADD $missing /a", "a source of ADD is empty after expansion", ""),
        ("ADD --from=x a /a", "unknown flag --from for ADD", ""),
        ("ADD --parents a /a", "unknown flag --parents for ADD", ""),
        ("ADD --unpak a /a", "unknown flag --unpak for ADD", "did you mean --unpack?"),
        (
            "ADD --unpack=x a /a",
            "the flag --unpack of ADD is true or false, not 'x'",
            "write --unpack alone, or --unpack=false",
        ),
        (f"ADD --checksum={_SUM} a /a", "checksum requires a source of HTTP(S) or a git repository", ""),
        (
            f"ADD --checksum={_SUM} https://x/a https://x/b /a/",
            "checksum can't be specified for multiple sources",
            "",
        ),
        (
            "ADD --checksum=sha256:12 https://x/a /a",
            "--checksum: invalid digest 'sha256:12': not 64 lower-case hex digits",
            "",
        ),
        ("ADD --keep-git-dir a /a", "--keep-git-dir is for git repositories, and no source is one", ""),
        ("ADD http://[::1 /a", "http://[::1 is no URL: Invalid IPv6 URL", ""),
        ("ADD --unpack https://x/a.git /a", "--unpack is for archives, and no source can be one", ""),
        ("ADD a <<EOF\nEOF", "ADD cannot accept a heredoc as a destination", ""),
        ('ADD ["a", null]', "when using JSON array syntax, arrays must be comprised of strings only", ""),
    ],
)
def test_bad_forms(refuse: Refuse, line: str, message: str, hint: str) -> None:
    assert refuse(f"FROM scratch\n{line}\n") == Refusal(2, message, hint)
