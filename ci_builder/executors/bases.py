"""Base images unpacked once, as read-only lower folders that the stages of a build share."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from ci_builder.oci.digest import Digest
from ci_builder.oci.image import Image
from ci_builder.values import dataclass, field

Chain = tuple[Digest, ...]


@dataclass(slots=True)
class Bases:
    """``unpack(image, first, below)`` makes a folder that holds the layers from number ``first`` on, to be
    laid over the folders ``below`` (top first). Safe to call from several threads: each chain of
    layers is unpacked once."""

    unpack: Callable[[Image, int, tuple[Path, ...]], Path]
    _known: dict[Chain, tuple[Path, ...]] = field(default_factory=dict)
    _locks: dict[Chain, threading.Lock] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def folders(self, image: Image) -> tuple[Path, ...]:
        """The folders that make up ``image``, top first; none for an image without layers."""
        chain = image.config.diff_ids
        if not chain:
            return ()
        with self._lock:
            turn = self._locks.setdefault(chain, threading.Lock())
        with turn:
            known = self._known.get(chain)
            if known is None:
                length, below = self._longest_prefix(chain)
                known = (self.unpack(image, length, below), *below)
                self._known[chain] = known
            return known

    def _longest_prefix(self, chain: Chain) -> tuple[int, tuple[Path, ...]]:
        for length in range(len(chain) - 1, 0, -1):
            found = self._known.get(chain[:length])
            if found is not None:
                return length, found
        return 0, ()
