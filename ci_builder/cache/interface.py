"""The interface of the caches' floor."""

from __future__ import annotations

from collections.abc import Set
from typing import Protocol

from ci_builder.cache.records import Records
from ci_builder.oci.descriptor import Descriptor
from ci_builder.oci.layer import Layer


class Cache(Protocol):
    """One place where layers of earlier builds are kept; its ``str`` is what messages call it. What goes
    wrong in it never fails a build: the caller turns the errors into warnings."""

    def read(self) -> Records:
        """What is there; nothing where there is no cache yet. Raises CiBuilderError."""

    def has(self, layer: Layer) -> bool:
        """Whether a layer that a record names is there indeed. Raises CiBuilderError."""

    def keep(self, layer: Layer) -> None:
        """Bring a new layer to it, ahead of ``write``. Raises CiBuilderError."""

    def write(self, records: Records, oldest: int = 0, doubted: Set[Descriptor] = frozenset()) -> None:
        """Add ``records`` to what is there by now; what others wrote meanwhile stays, but for what was last
        used before ``oldest`` (seconds since 1970). Blobs that are ``doubted`` could not be read just now
        where they were found: what is no longer what its digest says is given up. Raises CiBuilderError."""
