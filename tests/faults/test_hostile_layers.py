"""Layers made to do harm: nothing outside the root is read, written, linked or removed."""

from __future__ import annotations

import contextlib
import gzip
import io
import os
import resource
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ci_builder.errors import CiBuilderError, DigestMismatch, ImageError, UnsafeLayer
from ci_builder.oci.descriptor import Descriptor
from ci_builder.oci.digest import Digest
from ci_builder.oci.layer import Layer
from ci_builder.oci.media_types import DOCKER_LAYER_GZIP, OCI_LAYER_GZIP, OCI_LAYER_TAR
from ci_builder.rootfs.apply import apply_layers
from ci_builder.rootfs.tree import Tree
from ci_builder.rootfs.unpack import unpack
from tests.unit.rootfs.describe import Thing, contents, describe
from tests.unit.rootfs.tars import Member, file, folder, hard_link, member, symlink, tar, whiteout
from tests.unit.rootfs.trees import apply, new_tree


@pytest.fixture
def tree(tmp_path: Path) -> Iterator[Tree]:
    """A root between things that must stay as they are."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/secret").write_text("secret")
    (tmp_path / "secret").write_text("secret")
    tree = new_tree(tmp_path / "root")
    before = _outside(tmp_path)
    yield tree
    assert _outside(tmp_path) == before


def _outside(top: Path) -> dict[bytes, Thing]:
    found = describe(top / "outside")
    return found | {b"secret": Thing(0, 0, (0, 0), 0, (top / "secret").read_bytes(), b"", ())}


@pytest.mark.parametrize(
    "entry",
    [
        file("../secret", b"evil"),
        file("a/../../secret", b"evil"),
        file("/../secret", b"evil"),
        folder("../outside", mode=0o777),
        folder("..", mode=0o777),
        symlink("../link", "x"),
        member("../pipe", tarfile.FIFOTYPE),
        hard_link("stolen", "../secret"),
        hard_link("stolen", "/../../secret"),
        hard_link("../secret", "own"),
        file(".wh..."),
        file("a/.wh..."),
        file(".wh.."),
        file(".wh."),
        file("../.wh.secret"),
        file("../outside/.wh..wh..opq"),
        file("/", b"evil"),
        symlink("./", "/tmp"),
        hard_link(".", "own"),
        hard_link("stolen", "folder"),
    ],
    ids=lambda entry: f"{entry[0].type.decode()} {entry[0].name} {entry[0].linkname}",
)
def test_names_that_lead_out(tree: Tree, entry: Member) -> None:
    with pytest.raises(UnsafeLayer):
        apply(tree, file("own"), folder("folder"), entry)


@pytest.mark.parametrize("target", ["../outside", "/../outside", "../../../../../outside"])
def test_writing_through_a_symbolic_link(tree: Tree, target: str) -> None:
    apply(
        tree,
        symlink("exit", target),
        symlink("file", f"{target}/secret"),
        file("exit/secret", b"evil"),
        file("exit/new", b"evil"),
        folder("exit/deep/er"),
        whiteout("exit/.wh.secret"),
        whiteout("exit/.wh..wh..opq"),
        hard_link("linked", "exit/new"),
        file("file", b"inside"),
        folder("exit/", mode=0o700),
    )
    found = contents(tree.root)
    assert found["file"] == "inside"
    assert found["outside/new"] == "evil", "it lands inside the root"


def test_absolute_links_mean_the_root(tree: Tree) -> None:
    apply(tree, symlink("conf", "/etc"), file("conf/ci-builder-test", b"x"))
    assert not os.path.lexists("/etc/ci-builder-test")
    assert contents(tree.root)["etc/ci-builder-test"] == "x"


def test_a_hard_link_through_a_symbolic_link(tree: Tree, tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="which is missing"):
        apply(tree, symlink("exit", str(tmp_path)), hard_link("stolen", "exit/secret"))
    apply(tree, symlink("last", str(tmp_path / "secret")), hard_link("copy", "last"))
    assert os.readlink(f"{tree.root}/copy") == str(tmp_path / "secret"), "the link itself, not what it names"


def test_a_hard_link_that_is_written_to(tree: Tree) -> None:
    """A second entry of the name replaces it; the file that it was linked to keeps its content."""
    apply(tree, file("a", b"old"), hard_link("b", "a"))
    apply(tree, file("b", b"new"))
    assert contents(tree.root) == {"a": "old", "b": "new"}


def test_a_link_that_takes_the_place_of_a_directory_in_use(tree: Tree) -> None:
    """Descriptors of directories are kept between entries: they must not outlive what they stand for."""
    apply(
        tree,
        folder("a"),
        file("a/x", b"1"),
        symlink("a", "../outside"),
        file("a/secret", b"evil"),
        folder("outside2"),
        symlink("a", "outside2"),
        file("a/y", b"2"),
    )
    assert contents(tree.root)["outside2/y"] == "2"


def test_loops(tree: Tree) -> None:
    with pytest.raises(ImageError, match="Too many levels of symbolic links"):
        apply(tree, symlink("a", "b"), symlink("b", "a"), file("a/x"))


def test_ten_thousand_levels(tree: Tree) -> None:
    with pytest.raises(UnsafeLayer, match="a name of 19999 bytes"):
        apply(tree, file("/".join("d" * 10_000)))


def test_a_name_that_is_too_long(tree: Tree) -> None:
    with pytest.raises(ImageError, match="File name too long"):
        apply(tree, file("n" * 300))


def test_a_file_where_a_directory_is_needed(tree: Tree) -> None:
    with pytest.raises(ImageError, match="Not a directory"):
        apply(tree, file("a"), file("a/b"))


@pytest.mark.parametrize("time", [10**19, -(10**19)])
def test_times_that_no_file_can_have(tree: Tree, time: int) -> None:
    with pytest.raises(ImageError, match="/a in a layer has a number that no file can have"):
        apply(tree, file("a", pax_headers={"mtime": str(time)}))


def test_owners_that_no_file_can_have(tree: Tree) -> None:
    with pytest.raises(ImageError, match="impossible owner"):
        apply(tree, file("a", pax_headers={"uid": str(2**32 - 1)}))


def test_a_sparse_bomb_takes_no_space(tree: Tree) -> None:
    records = {"GNU.sparse.size": str(1 << 41), "GNU.sparse.map": "0,0", "GNU.sparse.name": "bomb"}
    apply(tree, file("a", pax_headers=records))
    status = os.stat(f"{tree.root}/bomb")
    assert (status.st_size, status.st_blocks < 100) == (1 << 41, True)


def test_absurd_sizes_take_no_memory(tree: Tree) -> None:
    info = file("a")[0]
    info.size = 1 << 60
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ImageError, match="cut off"):
        unpack([info.tobuf(tarfile.GNU_FORMAT) + b"x" * 5000], tree)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50 << 10


@settings(max_examples=300)
@given(st.data())
def test_damaged_tars_end_in_an_error_of_ours(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    records = {"SCHILY.xattr.user.a": "b", "mtime": "1.5"}
    whole = bytearray(
        tar(folder("d"), file("d/f" + "x" * 120, b"content" * 99, pax_headers=records), symlink("s", "d"))
    )
    for _ in range(data.draw(st.integers(1, 4))):
        position = data.draw(st.integers(0, len(whole) - 1))
        whole[position] = data.draw(st.integers(0, 255))
    # A checksum that fits lets the damage through to what comes after it.
    for start in range(0, len(whole) - 511, 512):
        header = whole[start : start + 512]
        if header[257:262] == b"ustar":
            header[148:156] = b" " * 8
            whole[start + 148 : start + 156] = b"%06o\0 " % sum(header)
    tree = new_tree(tmp_path_factory.mktemp("damaged") / "root")
    with contextlib.suppress(CiBuilderError):
        unpack([bytes(whole)], tree)


def layer_of(
    stored: bytes, content: bytes, media_type: str = OCI_LAYER_GZIP, size: int | None = None
) -> Layer:
    descriptor = Descriptor(media_type, Digest.of(stored), len(stored) if size is None else size)
    return Layer(descriptor, Digest.of(content), lambda: io.BytesIO(stored))


CONTENT = tar(file("a", os.urandom(3 << 20)), file("b"))


@pytest.mark.parametrize("media_type", [OCI_LAYER_GZIP, OCI_LAYER_TAR, DOCKER_LAYER_GZIP])
def test_a_media_type_that_lies_about_compression(tree: Tree, media_type: str) -> None:
    for stored in (CONTENT, gzip.compress(CONTENT, 1)):
        apply_layers([layer_of(stored, CONTENT, media_type)], tree)


def test_a_blob_that_is_not_what_its_digest_says(tree: Tree) -> None:
    stored = gzip.compress(CONTENT, 1)
    other = gzip.compress(CONTENT, 2)
    false = Layer(layer_of(stored, CONTENT).descriptor, Digest.of(CONTENT), lambda: io.BytesIO(other))
    with pytest.raises(DigestMismatch):
        apply_layers([false], tree)


def test_content_that_is_not_what_its_diff_id_says(tree: Tree) -> None:
    stored = gzip.compress(CONTENT, 1)
    with pytest.raises(DigestMismatch, match="content of the layer"):
        apply_layers([layer_of(stored, b"something else")], tree)


@pytest.mark.parametrize("change", [-1, 1])
def test_a_blob_of_another_size(tree: Tree, change: int) -> None:
    stored = gzip.compress(CONTENT, 1)
    with pytest.raises(DigestMismatch, match="size of the layer"):
        apply_layers([layer_of(stored, CONTENT, size=len(stored) + change)], tree)


def test_a_blob_without_end_is_not_read_to_its_end(tree: Tree) -> None:
    class Endless(io.RawIOBase):
        given = 0

        def read(self, size: int = -1, /) -> bytes:
            Endless.given += size
            return bytes(size)

    endless = Layer(layer_of(b"", b"", size=1 << 20).descriptor, Digest.of(b""), Endless)  # type: ignore[arg-type]
    with pytest.raises(DigestMismatch, match="more than 1048576"):
        apply_layers([endless], tree)
    assert Endless.given < 4 << 20


def test_a_connection_that_breaks_is_told_as_it_is(tree: Tree) -> None:
    class Breaking(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            if self.tell() > 1 << 20:
                raise ConnectionResetError(104, "Connection reset by peer")
            return super().read(size)

    stored = gzip.compress(CONTENT, 1)
    broken = Layer(layer_of(stored, CONTENT).descriptor, Digest.of(CONTENT), lambda: Breaking(stored))
    with pytest.raises(ConnectionResetError):
        apply_layers([broken], tree)


@pytest.mark.parametrize("tail", [b"garbage", gzip.compress(b"more", mtime=0)])
def test_what_follows_a_layer_is_part_of_it(tree: Tree, tail: bytes) -> None:
    stored = gzip.compress(CONTENT, 1) + tail
    with pytest.raises(ImageError):
        apply_layers([layer_of(stored, CONTENT)], tree)
