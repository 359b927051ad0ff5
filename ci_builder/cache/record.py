"""What a cache knows of one layer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ci_builder.cache.inputs import Key
from ci_builder.cache.told import Told
from ci_builder.errors import ImageError
from ci_builder.oci.layer import Layer
from ci_builder.values import dataclass


@dataclass(frozen=True, slots=True)
class Record:
    """A layer and how it was made.

    keys      what it is found by; the first one says what made it
    stage     the stage, and ``title`` the instruction, as people see them
    created   the layer's time in the history (RFC 3339)
    made      when it was written, ``used`` when it was last found, in seconds since 1970
    inputs    what it was made from, for explaining a later miss
    """

    keys: tuple[Key, ...]
    layer: Layer
    stage: str
    title: str
    created: str
    made: int
    used: int
    inputs: Told = ()

    @property
    def identity(self) -> tuple[Key, str]:
        """Two records of one identity are one."""
        return self.keys[0], str(self.layer.diff_id)

    def to_json(self) -> dict[str, Any]:
        """Without the layer itself, which the manifest has; it is named by its diff ID."""
        return {
            "keys": list(self.keys),
            "diff_id": str(self.layer.diff_id),
            "stage": self.stage,
            "title": self.title,
            "created": self.created,
            "made": self.made,
            "used": self.used,
            "inputs": [f"{digits} {name}" for name, digits in self.inputs],
        }

    @staticmethod
    def from_json(value: Mapping[str, Any], layers: Mapping[str, Layer]) -> Record:
        """``layers`` are those of the manifest by diff ID. Raises ImageError for what is no record."""
        try:
            inputs = tuple(
                (name, digits) for digits, _, name in (str(item).partition(" ") for item in value["inputs"])
            )
            keys = tuple(Key(str(item)) for item in value["keys"])
            record = Record(
                keys,
                layers[value["diff_id"]],
                str(value["stage"]),
                str(value["title"]),
                str(value["created"]),
                int(value["made"]),
                int(value["used"]),
                inputs,
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ImageError(f"not a cache record: {error!r:.200}") from error
        if not keys:
            raise ImageError("a cache record without a key")
        return record
