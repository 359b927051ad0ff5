"""A layer: what it is, and a way to read its bytes wherever they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import BinaryIO

from ci_builder.oci.descriptor import Descriptor
from ci_builder.oci.digest import Digest
from ci_builder.values import dataclass, field


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer of an image.

    ``descriptor`` describes the blob as it is stored (usually compressed), ``diff_id`` is the digest
    of the uncompressed tar. ``opener`` returns a fresh readable binary stream of the stored bytes;
    the reader closes it and verifies the digests (``rootfs.apply``). ``origin`` is
    ``registry/repository`` where the blob is known to be, for mounting it into another repository,
    or empty.
    """

    descriptor: Descriptor
    diff_id: Digest
    opener: Callable[[], BinaryIO] = field(compare=False, repr=False)
    origin: str = ""

    def open(self) -> BinaryIO:
        """A fresh stream of the stored (compressed) bytes."""
        return self.opener()
