"""The cache within an image: its config says how its layers were made, and RegistryCache reads that."""

from __future__ import annotations

from ci_builder.cache.records import Records
from ci_builder.oci.image import Image
from ci_builder.values import replace

_ROOM = 1 << 20
"""Bytes: programs that run the image read its config, too."""


def with_records(image: Image, records: Records) -> Image:
    """``image`` with those of the records in its config whose layers it has."""
    own = {layer.diff_id for layer in image.layers}
    kept = Records(tuple(record for record in records if record.layer.diff_id in own)).fitting(_ROOM, _ROOM)
    if not kept.all:
        return image
    return replace(image, raw_config=kept.within(image.config_bytes()), raw_manifest=b"")
