"""A cache within the image that is built: read from an image that was pushed with it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ci_builder.cache.records import Records, records_of
from ci_builder.errors import ImageNotFound
from ci_builder.oci.image import Image
from ci_builder.oci.layer import Layer
from ci_builder.oci.platform import Platform
from ci_builder.oci.reference import Reference
from ci_builder.registry.client import Registry


@dataclass(frozen=True, slots=True)
class ImageCache:
    """The records in the config of the image ``reference``; nothing is written to it."""

    registry: Registry
    reference: Reference
    platform: Platform

    def __str__(self) -> str:
        """The reference."""
        return self.reference.familiar

    def read(self) -> Records:
        """As ``Cache.read``."""
        try:
            return records_of(self.registry.image(self.reference, self.platform, patient=False))
        except ImageNotFound:
            return Records()

    def has(self, layer: Layer) -> bool:
        """As ``Cache.has``."""
        return self.registry.has_layer(layer, self.reference)

    def keep(self, layer: Layer) -> None:
        """Nothing: the layer goes with the image."""

    def write(self, records: Records) -> None:
        """Nothing: they go with the image."""


def with_records(image: Image, records: Records) -> Image:
    """``image`` with those of the records in its config whose layers it has."""
    own = {layer.diff_id for layer in image.layers}
    kept = Records(tuple(record for record in records if record.layer.diff_id in own))
    if not kept.all:
        return image
    return replace(image, raw_config=kept.within(image.config_bytes()), raw_manifest=b"")
