"""What a layer is made from, as named values, and the key that they give (issue 5, "Keys").

Every value goes into the key with its name and its length, so that no two lists of inputs mean the same
bytes, and the same list tells people which input changed.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable
from typing import NewType

from ci_builder.values import dataclass, fields, is_value

Key = NewType("Key", str)
"""64 hexadecimal digits."""

VERSION = 1
"""Of the meaning of inputs: another number, and no key of before is found again."""

LAYERS_BELOW = "layers below"
"""The input that names the layers between the base and a new one."""

_SHORT = 16  # hexadecimal digits that tell two values apart for people


@dataclass(frozen=True, slots=True)
class Input:
    """One thing that a layer depends on: a ``name`` for people, and the value as ``frame`` has it."""

    name: str
    value: bytes

    @property
    def short(self) -> str:
        """A few digits of the value's digest: enough to see that it changed, nothing of what it is."""
        return hashlib.sha256(self.value).hexdigest()[:_SHORT]


class KeyMaker:
    """Takes inputs one by one, in their order."""

    def __init__(self) -> None:
        self._hasher = hashlib.sha256(frame(VERSION))

    def add(self, item: Input) -> None:
        """One more."""
        self._hasher.update(frame(item.name))
        self._hasher.update(frame(item.value))

    def key(self) -> Key:
        """The key of those that were added."""
        return Key(self._hasher.hexdigest())


def key_of(inputs: Iterable[Input]) -> Key:
    """The key of a list of inputs, in their order."""
    maker = KeyMaker()
    for item in inputs:
        maker.add(item)
    return maker.key()


def frame(value: object) -> bytes:
    """``value`` as bytes that nothing else has: its type, its length, itself. Takes None, bool, int, str,
    bytes, tuples and frozen dataclasses of those. Raises TypeError for everything else, so that nothing
    goes into a key by its name only."""
    if value is None:
        return _tagged(b"n", b"")
    if isinstance(value, (bool, int)):
        return _tagged(b"b" if isinstance(value, bool) else b"i", str(int(value)).encode())
    if isinstance(value, str):
        return _tagged(b"s", value.encode("utf-8", "surrogatepass"))
    if isinstance(value, bytes):
        return _tagged(b"y", value)
    if isinstance(value, tuple):
        return _tagged(b"t", b"".join(frame(item) for item in value))
    if is_value(value):
        parts = [frame(type(value).__name__)]
        for item in fields(value):
            parts += (frame(item.name), frame(getattr(value, item.name)))
        return _tagged(b"d", b"".join(parts))
    raise TypeError(f"{type(value).__name__} cannot be part of a key")


def _tagged(tag: bytes, data: bytes) -> bytes:
    return tag + struct.pack("<Q", len(data)) + data
