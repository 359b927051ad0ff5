"""Two builds compared: every kind of difference is found, named by layer, step and path."""

from __future__ import annotations

import gzip
import io
from dataclasses import replace
from typing import Any

import pytest

from ci_builder.oci.config import History
from ci_builder.oci.descriptor import Descriptor
from ci_builder.oci.digest import Digest
from ci_builder.oci.image import Image, scratch
from ci_builder.oci.layer import Layer
from ci_builder.oci.media_types import OCI_LAYER_GZIP
from ci_builder.oci.platform import Platform
from ci_builder.outputs.difference import (
    Difference,
    document_differences,
    image_differences,
    member_differences,
)
from ci_builder.rootfs.listing import Member, list_members
from tests.unit.rootfs.tars import file, folder, hard_link, symlink, tar, whiteout

_FILE = Member("file", 0o644, 0, 0, 3, 10**9, content="aa")


@pytest.mark.parametrize(
    ("change", "how", "one", "other"),
    [
        ({"kind": "fifo"}, "kind", "file", "fifo"),
        ({"mode": 0o4755}, "mode", "0644", "4755"),
        ({"uid": 1}, "owner", "0:0", "1:0"),
        ({"gid": 2}, "owner", "0:0", "0:2"),
        ({"size": 4}, "size", "3", "4"),
        ({"content": "bb"}, "content", "sha256:aa", "sha256:bb"),
        ({"mtime_ns": 2 * 10**9}, "time", "1970-01-01T00:00:01Z", "1970-01-01T00:00:02Z"),
        ({"mtime_ns": 10**9 + 1}, "time", "1970-01-01T00:00:01Z", "1970-01-01T00:00:01.000000001Z"),
        ({"link": b"x"}, "link", "", "x"),
        ({"device": 0x102}, "device", "0,0", "1,2"),
        ({"xattrs": (("user.a", b"\x01"),)}, "attributes", "", "user.a=01"),
    ],
)
def test_each_aspect(change: dict[str, Any], how: str, one: str, other: str) -> None:
    found = list(member_differences({b"a/b": _FILE}, {b"a/b": replace(_FILE, **change)}))
    assert found == [Difference("", "", "/a/b", how, one, other)]
    assert found[0].is_time == (how == "time")
    assert list(member_differences({b"a/b": _FILE}, {b"a/b": _FILE})) == []


def test_existence_and_order() -> None:
    both = {b"a": _FILE, b"b": _FILE}
    (gone,) = member_differences(both, {b"a": _FILE})
    assert (gone.path, gone.how, gone.one, gone.other) == ("/b", "existence", "there", "not there")
    (come,) = member_differences({b"a": _FILE}, both)
    assert (come.path, come.one, come.other) == ("/b", "not there", "there")
    (order,) = member_differences(both, {b"b": _FILE, b"a": _FILE})
    assert order.how == "order"


def test_documents() -> None:
    one = b'{"created":"1","a":{"b":[1,2]},"rootfs":1,"only":2}'
    other = b'{"created":"2","a":{"b":[1,3]},"rootfs":2}'
    found = list(document_differences("config", one, other, ("rootfs",)))
    assert [(item.path, item.how, item.one, item.other) for item in found] == [
        ("created", "created", '"1"', '"2"'),
        ("a.b[1]", "value", "2", "3"),
        ("only", "value", "2", "null"),
    ]
    assert found[0].is_time
    assert list(document_differences("config", one, one)) == []


def test_listing() -> None:
    data = tar(
        folder("d", mode=0o700),
        file("d/f", b"abc", mtime=5, uid=7, pax_headers={"SCHILY.xattr.user.a": "1"}),
        symlink("s", "d/f"),
        hard_link("h", "d/f"),
        whiteout(".wh.x"),
    )
    found = list_members(iter([data]))
    assert list(found) == [b"d", b"d/f", b"s", b"h", b".wh.x"]
    assert found[b"d/f"].content == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert (found[b"d/f"].uid, found[b"d/f"].mtime_ns) == (7, 5 * 10**9)
    assert found[b"d/f"].xattrs == (("user.a", b"1"),)
    assert (found[b"s"].kind, found[b"s"].link, found[b"h"].kind) == ("symlink", b"d/f", "link")


def _layer(data: bytes, level: int = 6) -> Layer:
    stored = gzip.compress(data, level, mtime=0)
    descriptor = Descriptor(OCI_LAYER_GZIP, Digest.of(stored), len(stored))
    return Layer(descriptor, Digest.of(data), lambda: io.BytesIO(stored))


def _image(*layers: Layer, created: str = "1") -> Image:
    image = scratch(Platform("linux", "amd64"))
    for number, layer in enumerate(layers, 1):
        image = image.append(layer, History(created=created, created_by=f"RUN {number}"))
    return image


def test_images() -> None:
    data = file("f", b"x" * 1000), file("f", b"y" * 1000)
    first, second = (_layer(tar(item)) for item in data)
    assert list(image_differences(_image(first), _image(first))) == []
    found = list(image_differences(_image(first, first), _image(first, second)))
    assert [(item.where, item.step, item.path, item.how) for item in found] == [
        ("layer 2", "RUN 2", "/f", "content")
    ]
    found = list(image_differences(_image(first), _image(first, created="2")))
    assert [(item.where, item.path, item.how) for item in found] == [
        ("config", "history[0].created", "created")
    ]
    found = list(image_differences(_image(first), _image(first).with_annotations((("a", "b"),))))
    assert [(item.where, item.path) for item in found] == [("manifest", "annotations")]


def test_layers_that_are_there_once_or_stored_otherwise() -> None:
    data = tar(file("f", bytes(range(256)) * 100))
    one = _layer(data)
    found = list(image_differences(_image(one, one), _image(one)))
    assert next((item.where, item.step, item.how) for item in found) == ("layer 2", "RUN 2", "existence")
    (stored,) = image_differences(_image(one), _image(_layer(data, 1)))
    assert (stored.where, stored.how) == ("layer 1", "compression")


def test_a_tar_that_differs_where_no_entry_does() -> None:
    data = tar(file("f", b"x"))
    (found,) = image_differences(_image(_layer(data)), _image(_layer(data + bytes(10240))))
    assert (found.where, found.how) == ("layer 1", "value")
