"""Images written to layouts and archives are read back equal."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import tarfile
from pathlib import Path

import pytest

from ci_builder.errors import DigestMismatch, ImageError, OutputError
from ci_builder.layout.archive import write_archive
from ci_builder.layout.reader import blob_path, read_image, read_index
from ci_builder.layout.writer import write_image
from ci_builder.oci import media_types
from ci_builder.oci.config import History
from ci_builder.oci.descriptor import Descriptor
from ci_builder.oci.digest import Digest
from ci_builder.oci.image import Image, scratch
from ci_builder.oci.layer import Layer
from ci_builder.oci.platform import Platform
from ci_builder.oci.reference import Reference
from ci_builder.outputs.archive import LayoutOutput
from ci_builder.outputs.store import StoreOutput

AMD64 = Platform.parse("linux/amd64")


def _image(*contents: bytes) -> Image:
    image = scratch(AMD64)
    for data in contents:
        digest = Digest.of(data)
        descriptor = Descriptor(media_types.OCI_LAYER_TAR, digest, len(data))
        layer = Layer(descriptor, digest, lambda data=data: io.BytesIO(data))  # type: ignore[misc]
        image = image.append(layer, History(created_by="test"))
    return image


def _bytes(image: Image, number: int = 0) -> bytes:
    with image.layers[number].open() as stream:
        return stream.read()


def test_round_trip(tmp_path: Path) -> None:
    image = _image(b"one", b"two")
    written = write_image(tmp_path / "l", image, [("v1", "")])
    read = read_image(tmp_path / "l", "v1", AMD64)
    assert read.config == image.config
    assert read.descriptor().digest == written.digest
    assert [_bytes(read, 0), _bytes(read, 1)] == [b"one", b"two"]


def test_a_name_is_replaced_and_others_stay(tmp_path: Path) -> None:
    write_image(tmp_path, _image(b"old"), [("v1", ""), ("v2", "")])
    write_image(tmp_path, _image(b"new"), [("v1", "")])
    assert len(read_index(tmp_path).manifests) == 2
    assert _bytes(read_image(tmp_path, "v1", AMD64)) == b"new"
    assert _bytes(read_image(tmp_path, "v2", AMD64)) == b"old"


def test_without_a_name_the_only_image_is_found(tmp_path: Path) -> None:
    write_image(tmp_path, _image(b"x"))
    write_image(tmp_path, _image(b"x"))
    assert _bytes(read_image(tmp_path, "", AMD64)) == b"x"
    with pytest.raises(ImageError, match="no image called 'v9'"):
        read_image(tmp_path, "v9", AMD64)


def test_a_wrong_blob_is_noticed(tmp_path: Path) -> None:
    image = _image(b"x")
    write_image(tmp_path, image, [("v1", "")])
    blob_path(tmp_path, image.config_descriptor().digest).write_bytes(b"{}")
    with pytest.raises(DigestMismatch):
        read_image(tmp_path, "v1", AMD64)


@pytest.mark.parametrize("right", [True, False])
def test_sha512_is_verified(tmp_path: Path, right: bool) -> None:
    image = _image(b"x")
    write_image(tmp_path, image, [("v1", "")])
    raw = image.manifest_bytes()
    digest = Digest.parse("sha512:" + (hashlib.sha512(raw).hexdigest() if right else "0" * 128))
    (tmp_path / "blobs/sha512").mkdir()
    blob_path(tmp_path, digest).write_bytes(raw)
    index = json.loads((tmp_path / "index.json").read_bytes())
    index["manifests"][0]["digest"] = str(digest)
    (tmp_path / "index.json").write_text(json.dumps(index))
    with contextlib.nullcontext() if right else pytest.raises(DigestMismatch):
        assert read_image(tmp_path, "v1", AMD64).config == image.config


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"manifests":[1]}', '{"manifests":[{"annotations":1}]}', "[" * 100_000]
)
def test_what_is_no_index_is_told_before_anything_is_written(tmp_path: Path, text: str) -> None:
    (tmp_path / "index.json").write_text(text)
    for output in (LayoutOutput(tmp_path), StoreOutput(tmp_path)):
        with pytest.raises(OutputError, match="no index of an OCI layout"):
            output.check(())


def test_no_half_blob_stays_when_the_layer_lies(tmp_path: Path) -> None:
    good = _image(b"x").layers[0]
    bad = Layer(good.descriptor, good.diff_id, lambda: io.BytesIO(b"y"))
    with pytest.raises(DigestMismatch):
        write_image(tmp_path, scratch(AMD64).append(bad, History()))
    assert list((tmp_path / "blobs" / "sha256").iterdir()) == []
    assert not (tmp_path / "index.json").exists()


def test_not_a_layout(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="not an OCI image layout"):
        read_index(tmp_path)


def test_docker_archive_names_everything() -> None:
    stream = io.BytesIO()
    image = _image(b"x", b"x")
    write_archive(stream, image, [Reference.parse("app:1")], docker=True)
    with tarfile.open(fileobj=io.BytesIO(stream.getvalue())) as tar:
        names = tar.getnames()
        assert len(names) == len(set(names))
        member = tar.extractfile("manifest.json")
        assert member is not None
        (entry,) = json.loads(member.read())
    assert entry["RepoTags"] == ["app:1"]
    assert set(entry["Layers"]) | {entry["Config"]} <= set(names)
