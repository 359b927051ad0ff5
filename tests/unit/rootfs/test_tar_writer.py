"""Headers as Python's tarfile reads them; nearly all are made in fewer steps, to the same bytes."""

from __future__ import annotations

import stat
import tarfile

from hypothesis import example, given
from hypothesis import strategies as st

from ci_builder.rootfs import tar_writer
from ci_builder.rootfs.byte_sum import byte_sum
from ci_builder.rootfs.metadata import Metadata

_NAMES = st.binary(min_size=1, max_size=100).map(lambda name: name.replace(b"\0", b"x").replace(b"/", b"y"))
_IDS = st.one_of(st.integers(0, 70_000), st.sampled_from([0o7777777, 0o7777777 + 1]))
_KINDS = {stat.S_IFREG: tarfile.REGTYPE, stat.S_IFDIR: tarfile.DIRTYPE, stat.S_IFIFO: tarfile.FIFOTYPE}


@given(
    name=_NAMES,
    kind=st.sampled_from(sorted(_KINDS)),
    mode=st.integers(0, 0o7777),
    ids=st.tuples(_IDS, _IDS),
    size=st.one_of(st.integers(0, 10**6), st.just(0o77777777777)),
    seconds=st.one_of(st.integers(0, 2**33 - 1), st.just(-1)),
)
@example(name=b"x" * 100, kind=stat.S_IFREG, mode=0o4755, ids=(0, 0), size=0, seconds=0)
@example(name=b"\xff" * 100, kind=stat.S_IFREG, mode=0o7777, ids=(1, 2), size=1, seconds=2**33 - 1)
def test_a_file(name: bytes, kind: int, mode: int, ids: tuple[int, int], size: int, seconds: int) -> None:
    metadata = Metadata(kind | mode, *ids, seconds * 10**9 + 5)
    size = size if kind == stat.S_IFREG else 0
    made = tar_writer.entry_header(name, metadata, size=size)
    shown = name + b"/" if kind == stat.S_IFDIR else name
    if len(shown) > 100:
        return  # a long name, see test_pack
    assert made == tar_writer._any_header(shown, metadata, size, _KINDS[kind], (b"", 0))
    if max(ids) <= 0o7777777 and seconds >= 0:
        read = tarfile.TarInfo.frombuf(made, "utf-8", "surrogateescape")
        assert (read.mode, read.uid, read.gid, read.size, read.mtime) == (mode, *ids, size, seconds)
        assert read.name.encode("utf-8", "surrogateescape") == name.rstrip(b"/")
        assert read.type == _KINDS[kind]
        assert len(made) == 512


@given(st.binary(max_size=512))
def test_byte_sum(data: bytes) -> None:
    assert byte_sum(data) == sum(data)
