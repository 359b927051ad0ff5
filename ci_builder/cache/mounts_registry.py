"""The caches of RUN --mount of one scope in a registry: one image under a tag beside the cache of layers."""

from __future__ import annotations

from ci_builder.cache.mounts import MountRecord, MountRecords, mount_records_of
from ci_builder.cache.registry import lacks_a_blob
from ci_builder.errors import ImageNotFound, RegistryError
from ci_builder.oci.platform import Platform
from ci_builder.oci.reference import Reference
from ci_builder.registry.client import Registry
from ci_builder.values import dataclass

_TURNS = 4


@dataclass(frozen=True, slots=True)
class RegistryMounts:
    """The image under ``reference``, a tag."""

    registry: Registry
    reference: Reference
    platform: Platform

    def __str__(self) -> str:
        """The reference."""
        return self.reference.familiar

    def read(self) -> MountRecords:
        """What is there; nothing where there is none yet. Raises CiBuilderError."""
        try:
            image = self.registry.image(self.reference, self.platform, patient=False)
        except ImageNotFound:
            return MountRecords()
        return mount_records_of(image) or MountRecords()

    def write(self, records: tuple[MountRecord, ...]) -> None:
        """Add ``records`` to what is there by now. A pipeline that writes at the same time gets its turn:
        what was written is read again. Raises CiBuilderError."""
        for _ in range(_TURNS):
            there = self.read()
            wanted = there.merged(records)
            if wanted == there:
                return
            try:
                self._put(there, wanted)
            except RegistryError as error:
                if not lacks_a_blob(error):
                    raise
                # Something in the manifest that is there was removed since (a garbage collection).
                whole = MountRecords(tuple(item for item in there.all if self._has(item)))
                mine = tuple(item for item in records if not item.layer.origin or self._has(item))
                self._put(whole, whole.merged(mine))

    def _put(self, there: MountRecords, wanted: MountRecords) -> None:
        # Their manifest vouches for them: they are not asked for one by one.
        self.registry.note_present([item.layer for item in there.all], self.reference)
        image = wanted.to_image(self.platform, self.reference.tag)
        self.registry.push(image, [self.reference], patient=False)

    def _has(self, record: MountRecord) -> bool:
        return self.registry.has_layer(record.layer, self.reference)
