"""pack and blob: what a layer's tar says, as tarfile and the disk show it."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import resource
import signal
import socket
import tarfile
from pathlib import Path

import pytest

from ci_builder.errors import OutputError
from ci_builder.oci.layer import Layer
from ci_builder.progress import Event, Notice
from ci_builder.rootfs.blob import write_layer
from ci_builder.rootfs.changes import Change
from ci_builder.rootfs.pack import pack
from ci_builder.rootfs.tree import Tree
from tests.unit.rootfs.trees import folder_for_deep_trees, ownership


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    root = tmp_path / "root"
    (root / "d/sub").mkdir(parents=True)
    (root / "d/sub/file").write_text("content")
    (root / "d-x").write_text("sorts between")
    return Tree(str(root), ownership())


def members(changes: list[Change], tree: Tree) -> list[tarfile.TarInfo]:
    buffer = io.BytesIO()
    pack(changes, tree, buffer.write)
    buffer.seek(0)
    with tarfile.open(fileobj=buffer) as archive:
        return archive.getmembers()


def names(changes: list[Change], tree: Tree) -> list[str]:
    return [member.name for member in members(changes, tree)]


def test_parents_come_along_and_first(tree: Tree) -> None:
    (Path(tree.root) / "d").chmod(0o701)
    found = members([Change(b"d/sub/file", "present")], tree)
    assert [(item.name, item.isdir()) for item in found] == [
        ("d", True),
        ("d/sub", True),
        ("d/sub/file", False),
    ]
    assert found[0].mode == 0o701


def test_order_and_whiteouts(tree: Tree) -> None:
    changes = [
        Change(b"d-x", "present"),
        Change(b"d/zz", "absent"),
        Change(b"d/sub/file", "present"),
        Change(b"d/sub", "opaque"),
        Change(b"gone", "absent"),
        Change(b"d/sub/file", "present"),
    ]
    expected = [".wh.gone", "d", "d/.wh.zz", "d/sub", "d/sub/.wh..wh..opq", "d/sub/file", "d-x"]
    assert names(changes, tree) == expected
    assert names(changes[::-1], tree) == expected


def test_nothing_is_an_empty_tar(tree: Tree) -> None:
    assert members([], tree) == []
    assert names([Change(b"", "present")], tree) == []


def test_hard_links(tree: Tree) -> None:
    root = Path(tree.root)
    os.link(root / "d/sub/file", root / "a")
    os.link(root / "d/sub/file", root / "z")
    both = [Change(b"z", "present"), Change(b"d/sub/file", "present")]
    found = {item.name: (item.islnk(), item.linkname, item.size) for item in members(both, tree)}
    assert found["d/sub/file"] == (False, "", 7)
    assert found["z"] == (True, "d/sub/file", 0)
    (alone,) = members([Change(b"z", "present")], tree)
    assert (alone.islnk(), alone.size) == (False, 7), "its other names are not in this layer"


def test_what_ustar_cannot_hold(tree: Tree) -> None:
    root = Path(tree.root)
    long = "/".join(["n" * 60] * 4)
    (root / long).mkdir(parents=True)
    (root / long / ("m" * 120)).write_text("")
    (root / "link").symlink_to("t" * 200)
    (root / os.fsdecode(b"\xff\xfe")).write_text("")
    os.utime(root / "d-x", (-5, -5))
    changes = [Change(f"{long}/{'m' * 120}".encode(), "present"), Change(b"link", "present")]
    changes += [Change(b"\xff\xfe", "present"), Change(b"d-x", "present")]
    found = {item.name: item for item in members(changes, tree)}
    assert f"{long}/{'m' * 120}" in found
    assert found["link"].linkname == "t" * 200
    assert os.fsdecode(b"\xff\xfe") in found
    assert found["d-x"].mtime == -5


def test_times_are_whole_seconds_and_names_of_users_are_left_out(tree: Tree) -> None:
    os.utime(Path(tree.root) / "d-x", ns=(1_999_999_999, 1_999_999_999))
    (found,) = members([Change(b"d-x", "present")], tree)
    assert (found.mtime, found.uname, found.gname, found.pax_headers) == (1, "", "", {})


def test_a_socket_is_left_out_and_named(tree: Tree) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(f"{tree.root}/s")
    events: list[Event] = []
    blocks: list[bytes] = []
    pack([Change(b"s", "present")], tree, blocks.append, events.append)
    assert b"".join(blocks) == bytes(1024)
    assert [event.text for event in events if isinstance(event, Notice)] == [
        "the socket /s is left out: no layer can hold it"
    ]


def test_a_name_that_would_be_a_whiteout(tree: Tree) -> None:
    (Path(tree.root) / ".wh.d").write_text("")
    with pytest.raises(OutputError, match=r"/\.wh\.d cannot be in a layer"):
        members([Change(b".wh.d", "present")], tree)


def test_a_path_through_a_symbolic_link(tree: Tree) -> None:
    (Path(tree.root) / "alias").symlink_to("d")
    with pytest.raises(OutputError, match="a symbolic link lies on the way"):
        members([Change(b"alias/sub", "present")], tree)


def test_something_that_is_gone(tree: Tree) -> None:
    with pytest.raises(OutputError, match="cannot pack /nothing: No such file"):
        members([Change(b"nothing", "present")], tree)


@pytest.mark.parametrize("size", [1 << 20, 3 << 20, (3 << 20) + 1])
@pytest.mark.parametrize("change", [-1, 1])
def test_a_file_that_is_written_to_meanwhile(tree: Tree, size: int, change: int) -> None:
    victim = Path(tree.root) / "d/sub/file"
    victim.write_bytes(bytes(size))

    def meddle(block: bytes) -> None:
        if b"d/sub/file" in block[:512]:
            os.truncate(victim, size + change)

    with pytest.raises(OutputError, match="/d/sub/file changed while it was packed"):
        pack([Change(b"d/sub/file", "present")], tree, meddle)


def test_a_tree_deeper_than_a_path_may_be() -> None:
    with folder_for_deep_trees() as deep:
        descriptor = os.open(deep, os.O_PATH)
        for _ in range(50):
            os.mkdir("d" * 100, dir_fd=descriptor)
            following = os.open("d" * 100, os.O_PATH, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = following
        os.close(descriptor)
        path = b"/".join([b"d" * 100] * 50)
        assert len(path) > 4096
        tree = Tree(str(deep), ownership())
        assert len(members([Change(path, "present")], tree)) == 50
        # A layer of it could not be unpacked; here the tree is no layer.
        with pytest.raises(OutputError, match=r"cannot be in a layer: nobody could unpack a path of"):
            write_layer([Change(path, "present")], tree, deep.parent)


def read(layer: Layer) -> bytes:
    with layer.open() as stream:
        return stream.read()


def test_a_blob(tree: Tree, tmp_path: Path) -> None:
    blobs = tmp_path / "blobs"
    layer = write_layer([Change(b"d", "present")], tree, blobs, family="docker")
    stored = read(layer)
    assert os.listdir(blobs) == [layer.descriptor.digest.hex]
    assert hashlib.sha256(stored).hexdigest() == layer.descriptor.digest.hex
    assert hashlib.sha256(gzip.decompress(stored)).hexdigest() == layer.diff_id.hex
    assert (layer.descriptor.size, layer.descriptor.media_type) == (
        len(stored),
        "application/vnd.docker.image.rootfs.diff.tar.gzip",
    )


def test_a_blob_that_cannot_be_written(tree: Tree, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot write a layer to"):
        write_layer([], tree, tmp_path / "file/blobs")


def test_a_full_disk(tree: Tree, tmp_path: Path) -> None:
    # A limit on the size of files is the nearest to a full disk that anybody can have.
    (Path(tree.root) / "big").write_bytes(os.urandom(3 << 20))
    blobs = tmp_path / "blobs"
    previous = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_500_000, hard))
    try:
        with pytest.raises(OutputError, match=f"cannot write a layer to {blobs}: File too large"):
            write_layer([Change(b"big", "present")], tree, blobs)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, previous)
    assert os.listdir(blobs) == []
