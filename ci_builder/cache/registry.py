"""A cache in a registry: one image, whose tag names the scope (issue 5, "Store")."""

from __future__ import annotations

from collections.abc import Set

from ci_builder.cache.records import Records, need_cache, records_in, records_of
from ci_builder.errors import ImageError, ImageNotFound, RegistryError
from ci_builder.oci.descriptor import Descriptor
from ci_builder.oci.image import Image
from ci_builder.oci.layer import Layer
from ci_builder.oci.platform import Platform
from ci_builder.oci.reference import Reference
from ci_builder.registry.client import Registry
from ci_builder.values import dataclass

_TURNS = 4
_READINGS = 2
_WAY_OUT = "name a repository whose tags may change: --cache-to type=registry,ref=OTHER/REPOSITORY:TAG"


@dataclass(frozen=True, slots=True)
class RegistryCache:
    """The cache image under ``reference``, a tag."""

    registry: Registry
    reference: Reference
    platform: Platform

    def __str__(self) -> str:
        """The reference."""
        return self.reference.familiar

    def read(self) -> Records:
        """As ``Cache.read``."""
        return records_of(self._image())

    def _image(self) -> Image | None:
        try:
            return self.registry.image(self.reference, self.platform, patient=False)
        except ImageNotFound:
            return None

    def has(self, layer: Layer) -> bool:
        """As ``Cache.has``."""
        if not self.registry.has_layer(layer, self.reference):
            return False
        self.registry.note_present([layer], self.reference)
        return True

    def keep(self, layer: Layer) -> None:
        """As ``Cache.keep``."""
        self.registry.push_layer(layer, self.reference, patient=False)

    def write(self, records: Records, oldest: int = 0, doubted: Set[Descriptor] = frozenset()) -> None:
        """As ``Cache.write``; a registry answers for its blobs itself. It has no "only if it is still that
        one" for tags, so what was written is read again: a pipeline that wrote between the two gets its
        turn, too."""
        for _ in range(_TURNS):
            there = self._there()
            kept = there.used_since(oldest)
            if kept.merged(records) == there:
                return
            try:
                self._put(kept, records)
            except RegistryError as error:
                if not lacks_a_blob(error):
                    raise
                # Something in the manifest that is there was removed since (a garbage collection).
                self._put(self._whole(kept), records)

    def _there(self) -> Records:
        """What is there is replaced when its records cannot be read, twice: only a cache is lost. Nobody
        knows what it is when the manifest does not come as it is."""
        for _ in range(_READINGS):
            try:
                return records_in(self._image(), str(self))
            except ImageError:
                need_cache(self.registry.manifest(self.reference), str(self))
        return Records()

    def _whole(self, records: Records) -> Records:
        return Records(tuple(item for item in records if self.registry.has_layer(item.layer, self.reference)))

    def _put(self, there: Records, records: Records) -> None:
        # Their manifest vouches for those that are not ours: they are not asked for one by one.
        own = {record.layer.descriptor.digest for record in records}
        others = [record.layer for record in there if record.layer.descriptor.digest not in own]
        self.registry.note_present(others, self.reference)
        image = there.merged(records).to_image(self.platform, self.reference.tag)
        try:
            self.registry.push(image, [self.reference], patient=False)
        except RegistryError as error:
            if "immutable" in str(error).lower():
                raise RegistryError(f"{self} cannot be written anew: {error}", hint=_WAY_OUT) from error
            raise


def lacks_a_blob(error: RegistryError) -> bool:
    """Of a manifest that names one (distribution spec, "Error Codes": some say BLOB_UNKNOWN, some less)."""
    return "BLOB_UNKNOWN" in error.code or (error.method == "PUT" and error.status in (400, 404))
