"""Content digests (OCI image spec, descriptor.md, "Digests")."""

from __future__ import annotations

import hashlib
import re

from ci_builder.errors import InvalidValue
from ci_builder.values import dataclass

_LENGTHS = {"sha256": 64, "sha512": 128}


@dataclass(frozen=True, slots=True, order=True)
class Digest:
    """``algorithm:hex`` of some bytes."""

    algorithm: str
    hex: str

    @staticmethod
    def parse(text: str) -> Digest:
        """Parse ``sha256:…`` or ``sha512:…``. Raises InvalidValue."""
        algorithm, _, value = text.partition(":")
        if algorithm not in _LENGTHS:
            raise InvalidValue("digest", text, "the algorithm is not sha256 or sha512")
        if not re.fullmatch("[0-9a-f]+", value) or len(value) != _LENGTHS[algorithm]:
            raise InvalidValue("digest", text, f"not {_LENGTHS[algorithm]} lower-case hex digits")
        return Digest(algorithm, value)

    @staticmethod
    def of(data: bytes) -> Digest:
        """The sha256 digest of ``data``."""
        return Digest("sha256", hashlib.sha256(data).hexdigest())

    def of_same_kind(self, data: bytes) -> Digest:
        """The digest of ``data`` by the same algorithm."""
        return Digest(self.algorithm, hashlib.new(self.algorithm, data).hexdigest())

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.hex}"
