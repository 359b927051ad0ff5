"""What the image of a cache holds, entry by entry, and the same image without some of them."""

from __future__ import annotations

from collections.abc import Collection

from ci_builder.cache.limits import Entry
from ci_builder.cache.mounts import MountRecords, mount_records_of
from ci_builder.cache.record import Record
from ci_builder.cache.records import ANNOTATION, FIELD, Records, records_of
from ci_builder.cache.standing import Standing, standing_of
from ci_builder.oci.image import Image, json_object


def is_cache(image: Image) -> bool:
    """Whether ``image`` is nothing but a cache, of a format that is known."""
    if ANNOTATION not in dict(image.annotations):
        return False
    config = json_object(image.config_bytes(), "config")
    return FIELD in config or mount_records_of(image) is not None


def entries_of(image: Image, scope: str) -> tuple[Entry, ...]:
    """The entries of a cache. Raises ImageError."""
    mounts = mount_records_of(image)
    if mounts is not None:
        return tuple(item.entry(scope) for item in mounts.all)
    standing = standing_of(records_of(image))
    return tuple(_entry(*item, scope) for item in standing)


def without(image: Image, scope: str, identities: Collection[str]) -> Image:
    """The cache without the entries of these identities."""
    platform = image.config.platform
    mounts = mount_records_of(image)
    if mounts is not None:
        left = tuple(item for item in mounts.all if item.identity not in identities)
        return MountRecords(left).to_image(platform, scope)
    kept = tuple(record for record in records_of(image) if _identity(record) not in identities)
    return Records(kept).to_image(platform, scope)


def _entry(record: Record, stands: Standing, scope: str) -> Entry:
    layer = record.layer.descriptor
    blobs = ((str(layer.digest), layer.size),)
    title = f"{record.stage}: {record.title}"
    return Entry(scope, _identity(record), title, blobs, record.made, stands.used, stands.above)


def _identity(record: Record) -> str:
    key, diff_id = record.identity
    return f"{key}@{diff_id}"
