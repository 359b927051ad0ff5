"""One image in several forms: what changes, what stays byte for byte, and how often layers are written."""

from __future__ import annotations

import io
import os
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest
import zstandard

from ci_builder.oci import media_types
from ci_builder.oci.config import History
from ci_builder.oci.image import Image
from ci_builder.oci.layer import Layer
from ci_builder.outputs.form import Form
from ci_builder.outputs.variants import Made, Source, Variants, how_to_make
from ci_builder.rootfs.blob import write_layer
from ci_builder.rootfs.changes import Change
from ci_builder.rootfs.compress import GZIP, Compression
from ci_builder.rootfs.times import KEPT, Times
from tests.registry.images import make_image, read_layers
from tests.unit.rootfs.trees import new_tree

ZSTD = Compression("zstd")
NONE = Compression("none")
_NEW = 2_000_000_000
_OLD = 500
_EPOCH = 1000


def _own(folder: Path, times: Times = KEPT, compression: Compression = GZIP) -> Layer:
    """A layer with one file after the epoch and one before it."""
    folder.mkdir(exist_ok=True)
    tree = new_tree(folder / f"tree-{times.latest}-{compression.name}")
    for name, moment in (("new", _NEW), ("old", _OLD)):
        path = Path(tree.root) / name
        path.write_bytes(b"content" * 1000)
        os.utime(path, (moment, moment))
    changes = [Change(b"new", "present"), Change(b"old", "present")]
    return write_layer(changes, tree, folder / "blobs", compression=compression, times=times)


def _source(folder: Path, made: Made = Made(GZIP), family: str = "oci") -> Source:  # noqa: B008 (frozen)
    base = make_image((5000,), family)  # type: ignore[arg-type]
    image = base.append(_own(folder, made.times, made.compression), History(created_by="own"))
    return Source(image, 1, 1, made)


def _types(image: Image) -> list[str | None]:
    found = [layer.descriptor.media_type for layer in image.layers]
    return [media_types.layer_compression(item) for item in found]


def test_a_form_that_asks_for_nothing_changes_nothing(tmp_path: Path) -> None:
    source = _source(tmp_path)
    assert Variants(tmp_path / "out").image(source, Form()) is source.image
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("wanted", [ZSTD, NONE, Compression("gzip", 9)])
def test_new_layers_are_compressed_and_the_base_stays(tmp_path: Path, wanted: Compression) -> None:
    source = _source(tmp_path)
    image = Variants(tmp_path / "out").image(source, Form(wanted))
    assert read_layers(image)[0] == read_layers(source.image)[0]
    assert _types(image) == ["gzip", wanted.name]
    direct = _own(tmp_path / "direct", compression=wanted)
    assert image.layers[1] == direct
    assert image.config == source.image.config


def test_force_is_about_the_base_as_well(tmp_path: Path) -> None:
    source = _source(tmp_path)
    variants = Variants(tmp_path / "out")
    image = variants.image(source, Form(ZSTD, force=True))
    assert _types(image) == ["zstd", "zstd"]
    raw = zstandard.ZstdDecompressor().stream_reader(read_layers(image)[0]).read()
    assert raw == read_layers(variants.image(source, Form(NONE, force=True)))[0]
    assert image.config_bytes() == source.image.config_bytes()
    # What is gzip stays, unless a level is asked for.
    assert variants.image(source, Form(force=True)) is source.image
    leveled = variants.image(source, Form(Compression("gzip", 9), force=True))
    assert read_layers(leveled)[0] != read_layers(source.image)[0]


def test_each_layer_is_written_once_for_a_form(tmp_path: Path) -> None:
    source = _source(tmp_path)
    variants = Variants(tmp_path / "out")
    first = variants.image(source, Form(ZSTD))
    blob = tmp_path / "out" / first.layers[1].descriptor.digest.hex
    inode = blob.stat().st_ino
    variants.image(source, Form(ZSTD, annotations=(("a", "b"),)))
    assert blob.stat().st_ino == inode


def _times(image: Image) -> list[int]:
    with image.layers[1].open() as stream, tarfile.open(fileobj=io.BytesIO(stream.read())) as tar:
        return [int(item.mtime) for item in tar]


@pytest.mark.parametrize("at_once", [True, False])
def test_times_are_cut(tmp_path: Path, at_once: bool) -> None:
    made = Made(GZIP, Times(latest=_EPOCH)) if at_once else Made(GZIP)
    source = _source(tmp_path, made)
    image = Variants(tmp_path / "out", _EPOCH).image(source, Form(rewrite=True))
    assert _times(image) == [_EPOCH, _OLD]
    assert (image is source.image) == at_once
    assert image.config.diff_ids == tuple(layer.diff_id for layer in image.layers)
    assert read_layers(image)[0] == read_layers(source.image)[0]
    assert _times(_source(tmp_path / "plain").image) == [_NEW, _OLD]


def test_layers_of_a_stage_below_are_cut_as_well(tmp_path: Path) -> None:
    made = Made(GZIP, Times(latest=_EPOCH))
    below = _source(tmp_path)
    source = replace(below, own_layers=2, made=made)
    assert _times(Variants(tmp_path / "out", _EPOCH).image(source, Form(rewrite=True))) == [_EPOCH, _OLD]


def test_media_types(tmp_path: Path) -> None:
    variants = Variants(tmp_path / "out")
    docker, oci = _source(tmp_path / "d", family="docker"), _source(tmp_path / "o")
    assert variants.image(docker, Form()).media_type == media_types.DOCKER_MANIFEST
    assert variants.image(docker, Form(family="oci")).media_type == media_types.OCI_MANIFEST
    assert variants.image(oci, Form(family="docker")).media_type == media_types.DOCKER_MANIFEST
    assert media_types.DOCKER_CONFIG.encode() in variants.image(oci, Form(family="docker")).manifest_bytes()
    # What docker's types do not have makes it OCI's.
    annotated = variants.image(docker, Form(annotations=(("a", "b"),)))
    assert annotated.media_type == media_types.OCI_MANIFEST
    assert b'"annotations":{"a":"b"}' in annotated.manifest_bytes()
    assert variants.image(docker, Form(ZSTD)).media_type == media_types.OCI_MANIFEST


def test_how_to_make() -> None:
    cut = Times(latest=_EPOCH)
    assert how_to_make([], None) == Made(GZIP)
    assert how_to_make([Form(ZSTD), Form()], None) == Made(ZSTD)
    assert how_to_make([Form(ZSTD, rewrite=True), Form(rewrite=True)], _EPOCH) == Made(ZSTD, cut)
    assert how_to_make([Form(ZSTD, rewrite=True), Form(NONE)], _EPOCH) == Made(NONE)
