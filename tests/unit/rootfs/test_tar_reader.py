"""tar_reader: everything that tars of layers can say, against tars made by others."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_builder.errors import ImageError, UnsafeLayer
from ci_builder.rootfs.pax import format_record, parse_records
from ci_builder.rootfs.tar_reader import Entry, TarReader
from tests.unit.rootfs.tars import cut, file, folder, hard_link, member, symlink, tar

names = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=60)
paths = st.lists(names.filter(lambda name: name not in (".", "..")), min_size=1, max_size=6).map("/".join)


def read(data: bytes, size: int = 512) -> list[tuple[Entry, bytes]]:
    """All entries with their contents, the data fed in blocks of ``size``."""
    reader = TarReader(iter(cut(data, size)))
    found = []
    for entry in reader:
        content = bytearray(entry.size)
        for offset, piece in reader.content():
            content[offset : offset + len(piece)] = piece
        found.append((entry, bytes(content)))
    return found


@given(
    st.lists(st.tuples(paths, st.binary(max_size=1500), st.integers(0, 2**32 - 2)), max_size=5),
    st.sampled_from([tarfile.PAX_FORMAT, tarfile.GNU_FORMAT]),
    st.sampled_from([1, 511, 512, 4096]),
)
def test_reads_what_the_standard_library_writes(
    files: list[tuple[str, bytes, int]], format: int, size: int
) -> None:
    data = tar(*(file(name, content, uid=uid, mtime=7) for name, content, uid in files), format=format)
    found = read(data, size)
    assert [(os.fsdecode(entry.name), content, entry.uid) for entry, content in found] == files
    assert all(entry.mtime_ns == 7 * 10**9 and entry.kind == "file" for entry, _ in found)


def test_kinds() -> None:
    data = tar(
        folder("d", uid=5, gid=6, mode=0o1777),
        symlink("s", "x" * 150),
        hard_link("h", "y" * 150),
        member("c", tarfile.CHRTYPE, devmajor=1, devminor=3),
        member("b", tarfile.BLKTYPE, devmajor=8, devminor=300),
        member("f", tarfile.FIFOTYPE),
    )
    found = {entry.name.rstrip(b"/"): entry for entry, _ in read(data)}
    assert {name: entry.kind for name, entry in found.items()} == {
        b"d": "directory",
        b"s": "symlink",
        b"h": "link",
        b"c": "character",
        b"b": "block",
        b"f": "fifo",
    }
    assert (found[b"d"].uid, found[b"d"].gid, found[b"d"].mode) == (5, 6, 0o1777)
    assert found[b"s"].link == b"x" * 150
    assert found[b"h"].link == b"y" * 150
    assert found[b"c"].device == os.makedev(1, 3)
    assert found[b"b"].device == os.makedev(8, 300)


def test_pax_records_override_the_header() -> None:
    records = {"mtime": "1700000000.25", "SCHILY.xattr.user.a": "v=1", "uid": "4000000"}
    ((entry, _),) = read(tar(file("a", pax_headers=records)))
    assert (entry.mtime_ns, entry.uid) == (1700000000_250000000, 4000000)
    assert entry.xattrs == (("user.a", b"v=1"),)


def test_xattrs_of_libarchive() -> None:
    records = {"LIBARCHIVE.xattr.user.a%20b": "aGVsbG8"}
    ((entry, _),) = read(tar(file("a", pax_headers=records)))
    assert entry.xattrs == (("user.a b", b"hello"),)


def test_global_records_hold_until_overridden() -> None:
    buffer = io.BytesIO()
    headers = {"mtime": "5", "comment": "by git"}
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT, pax_headers=headers) as archive:
        archive.addfile(file("a", mtime=0)[0])
        archive.addfile(file("b", pax_headers={"mtime": "9"})[0])
    assert [entry.mtime_ns for entry, _ in read(buffer.getvalue())] == [5 * 10**9, 9 * 10**9]


def test_times_before_1970() -> None:
    (gnu, _), (pax, _) = read(tar(file("a", mtime=-2), format=tarfile.GNU_FORMAT)) + read(
        tar(file("a", mtime=-1.5))
    )
    assert (gnu.mtime_ns, pax.mtime_ns) == (-2 * 10**9, -1_500_000_000)


@pytest.mark.parametrize("format", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_more_than_8_gib(format: int) -> None:
    info = file("big")[0]
    info.size = 9 << 30
    reader = TarReader(iter([info.tobuf(format)]))  # type: ignore[arg-type]
    assert next(iter(reader)).size == 9 << 30


@pytest.mark.parametrize("options", ["gnu", "posix,0.0", "posix,0.1", "posix,1.0"])
def test_sparse_files_of_gnu_tar(tmp_path: Path, options: str) -> None:
    format, _, version = options.partition(",")
    holes = tmp_path / "holes"
    with holes.open("wb") as target:
        for number in range(60):
            target.seek(number * 100_000 + 4096)
            target.write(b"%d" % number)
        target.truncate(7_000_000)
    extra = [f"--sparse-version={version}"] if version else []
    command = ["tar", "-C", str(tmp_path), "--sparse", f"--format={format}", *extra, "-cf", "-", "holes"]
    data = subprocess.run(command, check=True, capture_output=True).stdout
    assert len(data) < 1_000_000, "tar stored the holes"
    ((entry, content),) = read(data)
    assert entry.name == b"holes"
    assert content == holes.read_bytes()
    target_file = tmp_path / "copy"
    reader = TarReader(iter([data]))
    next(iter(reader))
    descriptor = os.open(target_file, os.O_WRONLY | os.O_CREAT)
    reader.copy_to(descriptor)
    os.close(descriptor)
    assert target_file.read_bytes() == holes.read_bytes()


def test_content_that_is_not_asked_for_is_passed_over() -> None:
    reader = TarReader(iter(cut(tar(file("a", b"x" * 5000), file("b", b"y")), 700)))
    assert [entry.name for entry in reader] == [b"a", b"b"]


def test_the_whole_stream_is_read() -> None:
    blocks = iter([tar(file("a")), b"\0" * 100, b"anything"])
    assert len(list(TarReader(blocks))) == 1
    assert next(blocks, None) is None


def test_an_empty_stream_is_an_empty_tar() -> None:
    assert read(b"") == []


def test_cut_off_anywhere() -> None:
    data = tar(file("a" * 200, b"x" * 3000), file("b", b"y" * 100))
    first_ends = 3 * 512 + 3072  # pax header, its records, header, content
    both_end = first_ends + 1024
    for size in range(1, both_end):
        if size == first_ends:
            assert len(read(data[:size])) == 1
        else:
            with pytest.raises(ImageError, match=r"cut off|after an extended header"):
                read(data[:size])
    assert len(read(data[:both_end])) == 2


@given(st.integers(0, 511), st.integers(1, 255))
def test_a_header_that_was_changed(position: int, change: int) -> None:
    data = bytearray(tar(file("name", b"content", uid=3)))[512 * 0 :]
    data[position] ^= change
    try:
        found = read(bytes(data))
    except ImageError:
        return
    # The checksum field itself may be written in more ways than one.
    assert 148 <= position < 156
    assert found[0][0].name == b"name"


@pytest.mark.parametrize("kind", [b"x", b"g", b"L", b"K"])
def test_an_absurd_extended_header(kind: bytes) -> None:
    info = file("x")[0]
    info.type = kind
    info.size = 1 << 40
    with pytest.raises(ImageError, match="extended header of"):
        read(info.tobuf(tarfile.GNU_FORMAT))


def _with_records(records: bytes) -> bytes:
    info = file("x")[0]
    info.type = b"x"
    info.size = len(records)
    header = info.tobuf(tarfile.USTAR_FORMAT)
    return header + records + bytes(-len(records) & 511) + tar(file("a", b"abc"))


@pytest.mark.parametrize(
    "records",
    [
        b"garbage",
        b"99999999999999999999999 a=b\n",
        b"5 a=b\n",
        b"6 a=b\nx",
        b"-6 a=b\n",
        b"1_0 abc=de\n",
        b"4 =\n",
        format_record(b"size", b"-1"),
        format_record(b"size", b"1_000"),
        format_record(b"size", b"9" * 5000),
        format_record(b"uid", b"99999999999"),
        format_record(b"mtime", b"nan"),
        format_record(b"GNU.sparse.major", b"7"),
        format_record(b"GNU.sparse.size", b"10") + format_record(b"GNU.sparse.map", b"0,5,3,5"),
        format_record(b"GNU.sparse.size", b"10") + format_record(b"GNU.sparse.map", b"0,3,9,4"),
        format_record(b"GNU.sparse.size", b"10") + format_record(b"GNU.sparse.map", b"0"),
        format_record(b"LIBARCHIVE.xattr.user.a", b"!"),
    ],
)
def test_malformed_records(records: bytes) -> None:
    with pytest.raises(ImageError):
        read(_with_records(records))


def test_a_name_with_a_zero_byte() -> None:
    with pytest.raises(UnsafeLayer, match="zero byte"):
        read(_with_records(format_record(b"path", b"a\0b")))


def test_more_global_records_than_anybody_needs() -> None:
    records = b"".join(format_record(b"k%d" % number, b"v") for number in range(2000))
    info = file("x")[0]
    info.type = b"g"
    info.size = len(records)
    data = info.tobuf(tarfile.USTAR_FORMAT) + records + bytes(-len(records) & 511)
    with pytest.raises(ImageError, match="global"):
        read(data)


def test_an_unknown_type() -> None:
    with pytest.raises(ImageError, match="unknown type b'M'"):
        read(tar(member("a", b"M")))


def test_nothing_after_the_end_mark_counts_as_an_entry() -> None:
    with pytest.raises(ImageError, match="after its end mark"):
        read(bytes(512) + tar(file("a")))


@given(st.dictionaries(st.binary(min_size=1).filter(lambda key: b"=" not in key), st.binary(max_size=300)))
def test_records_round_trip(records: dict[bytes, bytes]) -> None:
    data = b"".join(format_record(key, value) for key, value in records.items())
    assert parse_records(data) == list(records.items())


@pytest.mark.parametrize("length", range(90, 110))
def test_the_length_of_a_record_counts_itself(length: int) -> None:
    record = format_record(b"k", b"v" * length)
    assert int(record.split(b" ")[0]) == len(record)
