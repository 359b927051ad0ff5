"""Unpacking of contexts: what arrives, and what never gets out."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import stat
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from ci_builder.context.archive import Peekable, is_archive, unpack
from ci_builder.errors import ContextError


def entry(name: str, kind: bytes = tarfile.REGTYPE, link: str = "", mode: int = 0o644) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mode = kind, link, mode
    return info


def archive(*entries: tuple[tarfile.TarInfo, bytes], form: int = tarfile.PAX_FORMAT) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=form) as tar:
        for info, content in entries:
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return stream.getvalue()


def into(folder: Path, data: bytes) -> None:
    folder.mkdir(exist_ok=True)
    unpack(Peekable(io.BytesIO(data)), folder, "the archive x")


PLAIN = archive((entry("./Dockerfile"), b"FROM scratch\n"), (entry("a/b.txt"), b"b" * 3000))


@pytest.mark.parametrize(
    "compress",
    [bytes, gzip.compress, bz2.compress, lzma.compress, zstandard.ZstdCompressor().compress],
    ids=["none", "gzip", "bzip2", "xz", "zstd"],
)
def test_compressions(tmp_path: Path, compress: Callable[[bytes], bytes]) -> None:
    data = compress(PLAIN)
    assert is_archive(data[:512])
    into(tmp_path / "c", data)
    assert (tmp_path / "c/a/b.txt").read_bytes() == b"b" * 3000


def test_gzip_of_several_members(tmp_path: Path) -> None:
    into(tmp_path / "c", gzip.compress(PLAIN[:700]) + gzip.compress(PLAIN[700:]))
    assert (tmp_path / "c/Dockerfile").read_text() == "FROM scratch\n"


def test_a_dockerfile_is_no_archive() -> None:
    assert not is_archive(b"FROM debian\n" + b"# comment\n" * 100)
    assert not is_archive(b"")


def test_archives_without_magic_are_known_by_their_checksum() -> None:
    old = bytearray(PLAIN[:512])
    old[257:265] = bytes(8)
    old[148:156] = b" " * 8
    old[148:156] = b"%06o\0 " % sum(old)
    assert is_archive(bytes(old))


def test_attributes(tmp_path: Path) -> None:
    tool = entry("d/tool", mode=0o4755)
    tool.pax_headers = {"mtime": "1700000000.123456789"}
    folder = entry("d", tarfile.DIRTYPE, mode=0o750)
    folder.mtime = 1600000000
    data = archive(
        (folder, b""),
        (tool, b"x"),
        (entry("d/same", tarfile.LNKTYPE, "d/tool"), b""),
        (entry("d/link", tarfile.SYMTYPE, "/etc/passwd"), b""),
        (entry("d/pipe", tarfile.FIFOTYPE), b""),
    )
    into(tmp_path / "c", data)
    top = tmp_path / "c/d"
    assert stat.S_IMODE(top.stat().st_mode) == 0o750
    assert top.stat().st_mtime == 1600000000
    assert stat.S_IMODE((top / "tool").stat().st_mode) == 0o4755
    assert (top / "tool").stat().st_mtime_ns == 1700000000123456789
    assert (top / "same").stat().st_ino == (top / "tool").stat().st_ino
    assert os.readlink(top / "link") == "/etc/passwd"
    assert stat.S_ISFIFO((top / "pipe").lstat().st_mode)


def test_the_last_entry_of_a_name_wins(tmp_path: Path) -> None:
    into(tmp_path / "c", archive((entry("f"), b"one"), (entry("f"), b"two")))
    assert (tmp_path / "c/f").read_text() == "two"


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ([entry("../evil")], "outside"),
        ([entry("a/../../evil")], "outside"),
        ([entry("a", tarfile.SYMTYPE, ".."), entry("a/evil")], "no folder"),
        ([entry("a", tarfile.SYMTYPE, "/tmp"), entry("a", tarfile.DIRTYPE)], "no folder"),
        ([entry("a"), entry("a/evil")], "no folder"),
        ([entry("a", tarfile.LNKTYPE, "../outside")], "outside"),
        ([entry("s", tarfile.SYMTYPE, ".."), entry("a", tarfile.LNKTYPE, "s/outside")], "no folder"),
        ([entry("a", tarfile.LNKTYPE, "missing")], "'missing', which it lacks"),
        ([entry("null", tarfile.CHRTYPE)], "neither file"),
        ([entry("a", tarfile.DIRTYPE), entry("a")], "replaces the folder"),
        ([entry("n" * 300)], "File name too long"),
    ],
)
def test_hostile_archives(tmp_path: Path, entries: list[tarfile.TarInfo], message: str) -> None:
    (tmp_path / "outside").write_text("secret")
    before = sorted(tmp_path.iterdir())
    with pytest.raises(ContextError, match=message):
        into(tmp_path / "c", archive(*[(item, b"") for item in entries]))
    assert sorted(tmp_path.iterdir()) == sorted([*before, tmp_path / "c"])
    assert (tmp_path / "outside").read_text() == "secret"


def test_a_rooted_name_stays_inside(tmp_path: Path) -> None:
    into(tmp_path / "c", archive((entry("/etc/evil"), b"x")))
    assert (tmp_path / "c/etc/evil").read_text() == "x"


def test_a_file_is_not_written_through_a_link_of_its_name(tmp_path: Path) -> None:
    (tmp_path / "outside").write_text("old")
    into(tmp_path / "c", archive((entry("f", tarfile.SYMTYPE, "../outside"), b""), (entry("f"), b"new")))
    assert (tmp_path / "outside").read_text() == "old"
    assert not (tmp_path / "c/f").is_symlink()


@pytest.mark.parametrize(
    "data",
    [
        PLAIN[:1800],
        gzip.compress(PLAIN)[:-30],
        PLAIN[:1024] + b"\x01" + PLAIN[1025:],
        lzma.compress(PLAIN)[:-10],
        zstandard.ZstdCompressor().compress(PLAIN)[:-6],
        gzip.compress(b"no tar at all, only text " * 100),
    ],
    ids=["cut", "gzip-cut", "header-damaged", "xz-cut", "zstd-cut", "no-tar"],
)
def test_damaged_archives(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(ContextError, match="the archive x"):
        into(tmp_path / "c", data)
