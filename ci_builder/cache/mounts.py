"""The folders of RUN --mount=type=cache as an ordinary image: a layer for each, and what it is in the config
(issue 5, "Cache mounts that survive")."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from ci_builder.cache.limits import Entry
from ci_builder.cache.records import ANNOTATION
from ci_builder.errors import ImageError
from ci_builder.oci.config import ImageConfig
from ci_builder.oci.image import Image, json_object
from ci_builder.oci.layer import Layer
from ci_builder.oci.platform import Platform
from ci_builder.values import dataclass, replace

FIELD = "ci_builder.cache-mounts"
"""The config's key that the records are under."""

FORMAT = 1
_LARGEST = 1 << 53
_NOBODY = (1 << 32) - 1


@dataclass(frozen=True, slots=True)
class MountName:
    """Which cache it is: ``namespace`` sets builds apart (BUILDKIT_CACHE_MOUNT_NS), ``id`` is the mount's,
    ``origin`` and ``source`` say what it began with, ``owner`` whose its folder is, as ``UID:GID MODE``,
    where that is not as usual."""

    namespace: str
    id: str
    origin: str = ""
    source: str = ""
    owner: str = ""


@dataclass(frozen=True, slots=True)
class MountRecord:
    """One cache. ``sharing`` is what its mount said, ``state`` a digest of what its files are, ``size`` their
    bytes, ``made`` when its content was brought here and ``used`` when it was last used, in seconds since
    1970. ``folder``: uid, gid and permissions of its own folder; None: what the mount says."""

    name: MountName
    layer: Layer
    sharing: str
    state: str
    size: int
    made: int
    used: int
    folder: tuple[int, int, int] | None = None

    @property
    def identity(self) -> str:
        """Two records of one identity are one."""
        name = self.name
        return json.dumps([name.namespace, name.id, name.origin, name.source, name.owner])

    def entry(self, scope: str) -> Entry:
        """For ``du`` and ``prune``."""
        layer = self.layer.descriptor
        place = f" of {self.name.namespace}" if self.name.namespace else ""
        owner = f" ({self.name.owner})" if self.name.owner else ""
        title = f"cache mount {self.name.id}{owner}{place}"
        return Entry(scope, self.identity, title, ((str(layer.digest), layer.size),), self.made, self.used)

    def to_json(self) -> dict[str, Any]:
        """Without the layer, which the manifest has."""
        name = self.name
        return {
            "id": name.id,
            "namespace": name.namespace,
            "origin": name.origin,
            "source": name.source,
            "owner": name.owner,
            "diff_id": str(self.layer.diff_id),
            "sharing": self.sharing,
            "state": self.state,
            "size": self.size,
            "made": self.made,
            "used": self.used,
            "folder": self.folder,
        }

    @staticmethod
    def from_json(value: Mapping[str, Any], layers: Mapping[str, Layer]) -> MountRecord:
        """``layers`` are those of the manifest by diff ID. Raises ImageError."""
        try:
            texts = [str(value[key]) for key in ("namespace", "id", "origin", "source")]
            texts.append(str(value.get("owner", "")))
            size, made, used = (_number(value[key]) for key in ("size", "made", "used"))
            layer = layers[value["diff_id"]]
            told = (str(value["sharing"]), str(value["state"]))
            return MountRecord(MountName(*texts), layer, *told, size, made, used, _folder(value))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ImageError(f"not the record of a cache mount: {error!r:.200}") from error


def _folder(value: Mapping[str, Any]) -> tuple[int, int, int] | None:
    """Records of earlier versions do not tell."""
    folder = value.get("folder")
    if folder is None:
        return None
    uid, gid, mode = (_number(item) for item in folder)
    if max(uid, gid) >= _NOBODY or mode & ~0o7777:
        raise ValueError(f"{folder!r:.80} is not how a folder can be")
    return uid, gid, mode


def _number(value: object) -> int:
    if not isinstance(value, int) or not 0 <= value <= _LARGEST:
        raise ValueError(f"{value!r:.40} is no number of bytes or seconds")
    return value


@dataclass(frozen=True, slots=True)
class MountRecords:
    """Those of one scope, each cache once."""

    all: tuple[MountRecord, ...] = ()

    def get(self, name: MountName) -> MountRecord | None:
        """The one of that name."""
        return next((item for item in self.all if item.name == name), None)

    def merged(self, others: Iterable[MountRecord]) -> MountRecords:
        """These and ``others``; of two of one cache the content that was made later, and the later use."""
        known = {item.identity: item for item in self.all}
        for item in others:
            before = known.get(item.identity, item)
            newer = item if (item.made, item.state) >= (before.made, before.state) else before
            known[item.identity] = replace(newer, used=max(item.used, before.used))
        return MountRecords(tuple(known.values()))

    def to_image(self, platform: Platform, scope: str = "") -> Image:
        """The image that holds them, for ``scope``."""
        layers = {str(item.layer.diff_id): item.layer for item in self.all}
        config = ImageConfig(platform, diff_ids=tuple(layer.diff_id for layer in layers.values()))
        value = dict(json_object(config.to_bytes(), "config"))
        value[FIELD] = {"format": FORMAT, "records": [item.to_json() for item in self.all]}
        raw = json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace")
        return Image(config, tuple(layers.values()), annotations=((ANNOTATION, scope),), raw_config=raw)


def mount_records_of(image: Image) -> MountRecords | None:
    """The records in an image's config; None where it has none, or some of another format. Raises
    ImageError for those that are broken."""
    value = json_object(image.config_bytes(), "config").get(FIELD)
    if not isinstance(value, dict) or value.get("format") != FORMAT:
        return None
    records = value.get("records")
    if not isinstance(records, list):
        raise ImageError("the records of cache mounts are no list")
    layers = {str(layer.diff_id): layer for layer in image.layers}
    return MountRecords(tuple(MountRecord.from_json(item, layers) for item in records))
