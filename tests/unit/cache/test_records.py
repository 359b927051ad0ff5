"""Records as an image and back, merged, and what is not records at all."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given

from ci_builder.cache.inline import with_records
from ci_builder.cache.record import Record
from ci_builder.cache.records import FIELD, Records, records_of
from ci_builder.errors import ImageError
from ci_builder.oci.config import History, ImageConfig
from ci_builder.oci.image import Image, Manifest, scratch
from tests.unit.cache.records import AMD64, NOW, key, layer, record, some_records


def _read(image: Image) -> Records:
    """As whoever pulls it: the config and the manifest parsed anew."""
    config = ImageConfig.parse(image.config_bytes())
    manifest = Manifest.parse(image.manifest_bytes(), image.media_type)
    assert [item.digest for item in manifest.layers] == [one.descriptor.digest for one in image.layers]
    assert config.diff_ids == tuple(one.diff_id for one in image.layers)
    return records_of(replace(image, config=config, raw_config=image.config_bytes()))


@given(some_records())
def test_an_image_and_back(found: list[Record]) -> None:
    records = Records().merged(found)
    image = records.to_image(AMD64)
    assert _read(image) == records
    blobs = [one.descriptor.digest for one in image.layers]
    assert len(set(blobs)) == len(blobs), "each layer once"


def test_one_layer_in_two_compressions_stays_two() -> None:
    records = Records((record("a", keys=("gzip",)), record("a", keys=("zstd",), compression="zstd")))
    read = _read(records.to_image(AMD64)).by_key()
    for name in ("gzip", "zstd"):
        (found,) = read[key(name)]
        assert found.layer.descriptor.media_type.endswith(name)


def test_text_that_is_none() -> None:
    """File names are bytes, and what they are shown as stays the same when it is read again."""
    inputs = (("file \udcff\ud800", "0" * 16), ("file ü\n\x1b[1m", "1" * 16))
    records = Records((record(title="RUN \udcff", inputs=inputs),))
    read = _read(records.to_image(AMD64))
    assert _read(read.to_image(AMD64)) == read
    assert read.all[0].inputs[1] == inputs[1]


def test_an_image_without_records_has_none() -> None:
    assert records_of(scratch(AMD64)) == Records()
    assert records_of(_with({"format": 2, "records": [{"of": "a later format"}]})) == Records()


def _with(value: object) -> Image:
    image = Records((record(),)).to_image(AMD64)
    config = json.loads(image.config_bytes())
    config[FIELD] = value
    return replace(image, raw_config=json.dumps(config).encode())


def _changed(**fields: Any) -> Image:
    value = record().to_json() | fields
    return _with({"format": 1, "records": [{name: item for name, item in value.items() if item != "gone"}]})


@pytest.mark.parametrize("value", [[], "x", 1, True, {"records": {}}, {"format": 1}, {"records": None}])
def test_broken_lists_are_told(value: object) -> None:
    with pytest.raises(ImageError):
        records_of(_with(value))


@pytest.mark.parametrize("item", [None, 1, "x", [], [["a", "b"]], {}, {"keys": ["a"]}])
def test_what_is_no_record_is_told(item: object) -> None:
    with pytest.raises(ImageError):
        records_of(_with({"format": 1, "records": [item]}))


_BAD: dict[str, list[Any]] = {
    "keys": ["gone", [], None, 1, [1], ["short"], "0" * 64, [None], [["0" * 64]]],
    "diff_id": ["gone", None, 1, [], {}, "sha256:" + "0" * 64, "x"],
    "digest": [[], {}],
    "stage": ["gone"],
    "title": ["gone"],
    "created": ["gone", "", "yesterday", "2023-11-14\n", 5, "2023-11-14T22:13:20Z\x1b[2J"],
    "made": ["gone", None, "x", [], float("inf"), float("-inf"), float("nan")],
    "used": ["gone", None, "x", {}, float("inf")],
    "inputs": ["gone", None, 1, "abc", ["zz name"], ["name"], [1], ["+f name"], [["0" * 16, "a"]]],
}


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in _BAD.items() for value in values]
)
def test_broken_fields_are_told(name: str, value: object) -> None:
    with pytest.raises(ImageError) as caught:
        records_of(_changed(**{name: value}))
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("number", [-(10**4000), 10**4000, 2**63, -1, 1.5, True, "12"])
def test_strange_numbers_do_no_harm(number: object) -> None:
    (found,) = records_of(_changed(made=number, used=number))
    again = _read(Records((record(), found)).merged([found]).to_image(AMD64))
    assert again.by_key()[found.keys[0]]


def test_a_config_that_is_too_deep_or_has_too_many_digits() -> None:
    image = Records((record(),)).to_image(AMD64)
    for data in (b'{"a":' + b"[" * 200_000, b'{"a":' + b"1" * 5000 + b"}", b"\xff", b"", b"[]", b"null"):
        with pytest.raises(ImageError):
            records_of(replace(image, raw_config=data or b" "))
        with pytest.raises(ImageError):
            ImageConfig.parse(data)


def test_very_many_records() -> None:
    """A hundred thousand of them are read, merged and looked up in seconds."""
    one = record().to_json()
    many = [one | {"keys": [f"{number:064x}"]} for number in range(100_000)]
    image = _with({"format": 1, "records": many})
    started = time.process_time()
    found = records_of(image)
    merged = found.merged(found)
    assert len(merged) == 100_000
    assert len(merged.by_key()) == 100_000
    assert time.process_time() - started < 20


def test_what_is_written_can_be_read_again() -> None:
    """However much there was to tell: a registry client reads a config of 32 MiB at most."""
    told = tuple((f"file some/long/path/to/a/file/{number:0120}", f"{number:016x}") for number in range(2000))
    records = Records(tuple(record(f"{n}", inputs=told, made=NOW + n) for n in range(150)))
    image = records.to_image(AMD64)
    assert len(image.config_bytes()) < 16 << 20
    read = _read(image)
    assert [item.keys for item in read] == [item.keys for item in records]
    assert read.all[-1].inputs == told, "the latest ones are told of"
    assert read.merged(records).to_image(AMD64).config_bytes() == image.config_bytes()


def test_no_more_layers_than_registries_take() -> None:
    """Those that were used last stay."""
    records = Records(tuple(record(f"{number}", used=NOW + number) for number in range(2500)))
    image = records.to_image(AMD64)
    assert len(image.layers) == 2000
    assert len(image.manifest_bytes()) < 1 << 20
    assert _read(image).all == records.all[500:]


@given(some_records(), some_records())
def test_merging_loses_nothing_and_ends(one: list[Record], other: list[Record]) -> None:
    """But keys of a layer that was made anew since."""
    first = Records().merged(one)
    merged = first.merged(other)
    assert merged.merged(other) == merged
    assert merged.merged(one) == merged
    found = merged.by_key()
    last = {
        item.identity: max(more.made for more in (*one, *other) if more.identity == item.identity)
        for item in (*one, *other)
    }
    for item in (*one, *other):
        for name in item.keys if item.made == last[item.identity] else ():
            there = [record for record in found[name] if record.layer.diff_id == item.layer.diff_id]
            assert any(record.used >= item.used for record in there)


def test_a_layer_that_was_made_anew_is_found_by_what_it_was_made_for() -> None:
    old, again = record("old", keys=("k", "other")), record("old", keys=("k",), made=NOW + 2)
    later = record("new", keys=("other",), made=NOW + 1)
    for records in (Records((old, later)).merged([again]), Records((again,)).merged([later, old])):
        found = records.by_key()
        assert found[key("k")][0].layer == old.layer
        assert found[key("other")][0].layer == later.layer


def test_of_two_with_one_key_the_later_is_found_first() -> None:
    records = Records((record("old", keys=("k",), made=1), record("new", keys=("k",), made=2)))
    assert [item.made for item in records.by_key()[key("k")]] == [2, 1]


def test_inline_records_are_those_of_the_own_layers() -> None:
    image = scratch(AMD64).append(layer("a"), History(created_by="RUN a"))
    marked = with_records(image, Records((record("a"), record("b"))))
    assert [item.layer for item in records_of(marked)] == [layer("a")]
    assert with_records(image, Records((record("b"),))) is image
    assert ImageConfig.parse(marked.config_bytes()) == image.config
    manifest = json.loads(marked.manifest_bytes())
    assert manifest["config"]["digest"] == str(marked.config_descriptor().digest)


def test_an_inline_layer_is_found_in_the_compression_that_the_image_has() -> None:
    image = scratch(AMD64).append(layer("a", "zstd"), History())
    (found,) = records_of(with_records(image, Records((record("a"),))))
    assert found.layer == layer("a", "zstd")
