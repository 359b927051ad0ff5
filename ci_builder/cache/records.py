"""All records of a cache, as an ordinary image: its layers are the cached ones, its config holds the records.

A registry sees an image of the OCI's media types, which every one of them stores; nothing in it is new to a
program that pulls it (OCI image spec, manifest.md: unknown keys of a config are left alone).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from ci_builder.cache.inputs import Key
from ci_builder.cache.record import Record
from ci_builder.cache.standing import standing_of
from ci_builder.errors import ImageError, OutputError
from ci_builder.oci.config import ImageConfig
from ci_builder.oci.image import Image, json_object
from ci_builder.oci.layer import Layer
from ci_builder.oci.platform import Platform
from ci_builder.values import dataclass, replace

FIELD = "ci_builder.cache"
"""The config's key that the records are under."""

FORMAT = 1

_ROOM = 24 << 20
"""Bytes that all records have at most: a registry's client reads no config without end."""

_TOLD_ROOM = 2 << 20
"""Bytes thereof for what the records tell of their inputs."""

_MOST = 2000
"""Records that one image has at most, and so layers: registries put an end to those (Amazon's at 4,200), and
to the size of a manifest (docker-registry at 4 MiB)."""

_OF_BUILDKIT = b"application/vnd.buildkit.cacheconfig."
"""In the manifest or index of a cache that BuildKit wrote."""

_KEYS = 32
"""Keys that one record has at most."""

ANNOTATION = "ci_builder.cache"
"""Of the manifest of an image that is nothing but a cache: the scope's name."""


@dataclass(frozen=True, slots=True)
class Records:
    """Records in the order of their first use."""

    all: tuple[Record, ...] = ()

    def __iter__(self) -> Iterator[Record]:
        return iter(self.all)

    def __len__(self) -> int:
        return len(self.all)

    def by_key(self) -> dict[Key, list[Record]]:
        """What each key finds, the latest first."""
        found: dict[Key, list[Record]] = {}
        for record in sorted(reversed(self.all), key=lambda item: -item.made):
            for key in record.keys:
                found.setdefault(key, []).append(record)
        return found

    def used_since(self, moment: int) -> Records:
        """Those that were used then or later, in seconds since 1970."""
        return Records(tuple(record for record in self.all if record.used >= moment))

    def merged(self, others: Iterable[Record]) -> Records:
        """These and ``others``; of two records of one identity the keys of both, or of the one that was made
        later, and the later times."""
        known = {record.identity: record for record in self.all}
        for record in others:
            before = known.get(record.identity)
            known[record.identity] = record if before is None else _one(before, record)
        return Records(tuple(known.values()))

    def to_image(self, platform: Platform, scope: str = "") -> Image:
        """The image that holds them, for ``scope``. Each blob is in it once. Two scopes never have one
        manifest: deleting it would delete the tags of both."""
        kept = self.fitting()
        layers = {record.layer.descriptor.digest: record.layer for record in kept}
        config = ImageConfig(platform, diff_ids=tuple(layer.diff_id for layer in layers.values()))
        raw = kept.within(config.to_bytes())
        return Image(config, tuple(layers.values()), annotations=((ANNOTATION, scope),), raw_config=raw)

    def fitting(self, room: int = _ROOM, told: int = _TOLD_ROOM) -> Records:
        """Those that were used last, as many as have room, and never too many for a registry; the inputs of
        the latest of them only, as many as have room. Bytes."""
        kept: dict[int, Record] = {}
        standing = enumerate(standing_of(self.all))
        latest = sorted(
            (-stands.used, stands.above, -record.made, number) for number, (record, stands) in standing
        )
        for *_, number in latest[:_MOST]:
            record = self.all[number]
            bare = replace(record, inputs=())
            size = len(_dumped(bare.to_json()))
            more = len(_dumped(record.to_json())) - size
            if size > room:
                break
            room -= size
            told -= more
            kept[number] = record if told >= 0 else bare
        return Records(tuple(kept[number] for number in sorted(kept)))

    def within(self, config: bytes) -> bytes:
        """An image's config with the records added. Raises ImageError when it is no JSON object."""
        records = [record.to_json() for record in self.all]
        value = dict(json_object(config, "config"))
        value[FIELD] = {"format": FORMAT, "records": records}
        return _dumped(value)


NO_RECORDS = Records()


def _dumped(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace")


def _one(before: Record, after: Record) -> Record:
    """Made anew it is found by what it was made anew for: other keys may find something later by now."""
    keys = max(before, after, key=lambda item: item.made).keys
    if before.made == after.made:
        keys = tuple(dict.fromkeys((*before.keys, *after.keys)))
    if len(keys) > _KEYS:
        # Each recipe of the stage that a COPY takes files from leaves one; the first says what made it.
        keys = (keys[0], *keys[1 - _KEYS :])
    made, used = max(before.made, after.made), max(before.used, after.used)
    return replace(before, keys=keys, made=made, used=used)


def need_cache(document: bytes, name: str) -> None:
    """Raises OutputError for a manifest or an index that is more than a cache (of BuildKit maybe): it is not
    to be replaced by one. What nobody can read is nothing."""
    try:
        annotations = json_object(document, "manifest").get("annotations")
    except ImageError:
        return
    if (isinstance(annotations, dict) and ANNOTATION in annotations) or _OF_BUILDKIT in document:
        return
    hint = "give the cache a name of its own"
    raise OutputError(f"{name} is an image and no cache, so it is not replaced", hint=hint)


def records_in(image: Image | None, name: str) -> Records:
    """The records in what is to be written anew (None: nothing). Raises OutputError for more than a cache, as
    ``need_cache`` does, ImageError for records that are broken."""
    if image is None:
        return Records()
    need_cache(image.manifest_bytes(), name)
    return records_of(image)


def records_of(image: Image | None) -> Records:
    """The records in an image's config; none where there is no image, or it has none, or some of a later
    format. Raises ImageError for those that are broken."""
    if image is None:
        return Records()
    value = json_object(image.config_bytes(), "config").get(FIELD)
    if value is None:
        return Records()
    if not isinstance(value, dict) or not isinstance(value.get("records"), list):
        raise ImageError("the cache records are no list")
    if value.get("format") != FORMAT:
        return Records()
    layers: dict[str, Layer] = {str(layer.diff_id): layer for layer in image.layers}
    layers |= {str(layer.descriptor.digest): layer for layer in image.layers}
    return Records(tuple(Record.from_json(item, layers) for item in value["records"]))
