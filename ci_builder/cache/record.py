"""What a cache knows of one layer."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ci_builder.cache.inputs import Key
from ci_builder.cache.told import Told
from ci_builder.errors import ImageError
from ci_builder.oci.layer import Layer
from ci_builder.patterns import pattern
from ci_builder.values import dataclass

_KEY = pattern(r"[0-9a-f]{64}")
_TOLD = pattern(r"([0-9a-f]{16}) (.*)", re.DOTALL)
_TIME = pattern(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})")
Identity = tuple[Key, str]
"""Two records of one identity are one."""
_LATEST = 1 << 53  # what every reader of JSON takes for a whole number


@dataclass(frozen=True, slots=True)
class Record:
    """A layer and how it was made.

    keys      what it is found by; the first one says what made it
    stage     the stage, and ``title`` the instruction, as people see them
    created   the layer's time in the history (RFC 3339)
    made      when it was written, or found again instead of a later one, ``used`` when it was last found,
              in seconds since 1970
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
    def identity(self) -> Identity:
        """What tells it from others: its first key, and what its layer has."""
        return self.keys[0], str(self.layer.diff_id)

    def to_json(self) -> dict[str, Any]:
        """Without the layer itself, which the manifest has; it is named by its diff ID, and by its digest
        where there are several of one content (in several compressions)."""
        return {
            "keys": list(self.keys),
            "diff_id": str(self.layer.diff_id),
            "digest": str(self.layer.descriptor.digest),
            "stage": self.stage,
            "title": self.title,
            "created": self.created,
            "made": self.made,
            "used": self.used,
            "inputs": [f"{digits} {name}" for name, digits in self.inputs],
        }

    @staticmethod
    def from_json(value: Mapping[str, Any], layers: Mapping[str, Layer]) -> Record:
        """``layers`` are those of the manifest, by digest and by diff ID. Raises ImageError for what is no
        record."""
        try:
            diff_id = value["diff_id"]
            layer = layers.get(value.get("digest", ""), layers[diff_id])
            record = Record(
                tuple(Key(_matched(_KEY, item)[0]) for item in _list(value["keys"])),
                layer,
                str(value["stage"]),
                str(value["title"]),
                _matched(_TIME, value["created"])[0],
                _moment(value["made"]),
                _moment(value["used"]),
                tuple(
                    (found[2], found[1])
                    for found in (_matched(_TOLD, item) for item in _list(value["inputs"]))
                ),
            )
        except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
            raise ImageError(f"not a cache record: {error!r:.200}") from error
        if not record.keys or str(layer.diff_id) != diff_id:
            raise ImageError("a cache record without a key, or of another layer")
        return record


def _list(value: object) -> list[object]:
    if not isinstance(value, list):
        raise TypeError(f"no list: {value!r:.100}")
    return value


def _matched(pattern: re.Pattern[str], value: object) -> re.Match[str]:
    found = pattern.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f"{value!r:.100} is not of the form {pattern.pattern}")
    return found


def _moment(value: Any) -> int:
    return max(0, min(int(value), _LATEST))
