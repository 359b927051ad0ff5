"""Layers unpacked by umoci and by GNU tar, and by us: equal trees."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from ci_builder.layout.writer import write_image
from ci_builder.oci.config import History
from ci_builder.oci.descriptor import Descriptor
from ci_builder.oci.digest import Digest
from ci_builder.oci.image import scratch
from ci_builder.oci.layer import Layer
from ci_builder.oci.media_types import OCI_LAYER_TAR
from ci_builder.oci.platform import Platform
from ci_builder.rootfs.apply import apply_layers
from ci_builder.rootfs.ownership import KernelOwnership
from ci_builder.rootfs.tree import Tree
from ci_builder.rootfs.unpack import unpack
from tests.unit.rootfs.describe import describe
from tests.unit.rootfs.tars import Member, file, folder, hard_link, member, symlink, tar, whiteout

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(os.geteuid() != 0, reason="gives files away: needs root"),
]

_PARTS = ("etc", "bin", "usr/share/perl", "usr/share/zoneinfo", "usr/bin/su", "usr/bin/passwd", "var/mail")
BASE = [
    folder("./", mode=0o755, mtime=1),
    folder("d", mtime=5),
    file("d/a", b"a", mtime=6),
    file("d/b", b"b", uid=1000, gid=50, mode=0o4755, mtime=7),
    folder("d/sub", mtime=8),
    file("d/sub/x", b"x", mtime=9),
    symlink("lib", "usr/lib", mtime=10),
    folder("usr/lib", mtime=11),
    folder("usr", mtime=12),
    file("usr/lib/so", b"so", mtime=13),
    hard_link("usr/lib/so.1", "usr/lib/so"),
    member("fifo", b"6", mtime=14, uid=7),
    member("null", b"3", devmajor=1, devminor=3, mtime=15, mode=0o666),
]
CASES: dict[str, list[Member]] = {
    "whiteouts": [folder("d", mtime=20), whiteout("d/.wh.a"), whiteout("d/.wh.sub"), whiteout(".wh.null")],
    "opaque first": [folder("d", mtime=20), whiteout("d/.wh..wh..opq"), file("d/n", b"n", mtime=21)],
    "opaque last": [folder("d", mtime=20), file("d/n", b"n", mtime=21), whiteout("d/.wh..wh..opq")],
    "file for directory": [file("d", b"now a file", mtime=20), folder("usr/lib", mtime=3, mode=0o700)],
    "directory for file": [folder("d", mtime=20), folder("d/a", mtime=21), file("d/a/in", b"i", mtime=22)],
    "through a link": [file("lib/new", b"n", mtime=20), folder("usr/lib", mtime=21), folder("usr", mtime=22)],
    "hard link across layers": [hard_link("usr/lib/so.2", "usr/lib/so"), folder("usr/lib", mtime=20)],
    "replaced link": [folder("lib", mtime=20), file("lib/own", b"o", mtime=21)],
    "attributes": [
        file("d/a", b"2", mtime=4, pax_headers={"SCHILY.xattr.user.k": "v"}),
        folder("d", mtime=3),
    ],
}


@pytest.mark.skipif(shutil.which("umoci") is None, reason="umoci is not installed")
@pytest.mark.parametrize("name", CASES)
def test_as_umoci(tmp_path: Path, name: str) -> None:
    image = scratch(Platform.parse("linux/amd64"))
    # Both give times of their own to directories that no entry of the last layer names.
    touched = [folder("./", mtime=30)]
    for members in (BASE, [*CASES[name], *touched]):
        image = image.append(_layer(tar(*members)), History(created_by=name))
    write_image(tmp_path / "layout", image, [("it", "it")])
    command = ["umoci", "unpack", "--image", f"{tmp_path / 'layout'}:it", str(tmp_path / "bundle")]
    subprocess.run(command, check=True, capture_output=True)
    ours = Tree(str(tmp_path / "ours"), KernelOwnership())
    (tmp_path / "ours").mkdir()
    apply_layers(image.layers, ours)
    assert describe(ours.root) == describe(tmp_path / "bundle/rootfs")


def _layer(data: bytes) -> Layer:
    digest = Digest.of(data)
    return Layer(Descriptor(OCI_LAYER_TAR, digest, len(data)), digest, lambda: io.BytesIO(data))


@pytest.mark.parametrize("format", ["gnu", "posix", "ustar"])
def test_as_gnu_tar(tmp_path: Path, format: str) -> None:
    """A part of this machine: real files, links, odd modes, as GNU tar writes and reads them."""
    there = [path for path in _PARTS if os.path.lexists(f"/{path}")]
    options = ["--xattrs", "--ignore-failed-read"] if format == "posix" else ["--ignore-failed-read"]
    with (tmp_path / "tar").open("wb") as target:
        command = ["tar", "-C", "/", f"--format={format}", *options, "-cf", "-", *there]
        subprocess.run(command, stdout=target, stderr=subprocess.DEVNULL, check=False)
    theirs, ours = tmp_path / "theirs", tmp_path / "ours"
    theirs.mkdir()
    ours.mkdir()
    read = ["tar", "-x", "-p", "--numeric-owner", "--same-owner", "--xattrs", "--xattrs-include=*"]
    subprocess.run([*read, "-f", tmp_path / "tar", "-C", theirs], check=True)
    with (tmp_path / "tar").open("rb") as stream:
        unpack(iter(lambda: stream.read(1 << 18), b""), Tree(str(ours), KernelOwnership()))
    expected = describe(theirs)
    implied = {b"usr", b"usr/bin", b"usr/share", b"var"}  # no entries: made by each in its own way
    found = describe(ours)
    assert {path: found[path] for path in found if path not in implied} == {
        path: expected[path] for path in expected if path not in implied
    }
    assert len(found) > 500
