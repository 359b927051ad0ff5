"""How two builds of one image differ: layer by layer, path by path, and in the config. Pure, but for reading
the layers."""

from __future__ import annotations

import datetime
import json
import os
from collections.abc import Callable, Iterator, Mapping
from itertools import zip_longest

from ci_builder.oci.image import Image
from ci_builder.oci.layer import Layer
from ci_builder.rootfs.apply import verified_blocks
from ci_builder.rootfs.listing import Member, list_members
from ci_builder.values import dataclass

_TIMES = ("time", "created")


@dataclass(frozen=True, slots=True)
class Difference:
    """``where``: ``layer NUMBER`` from 1, ``config`` or ``manifest``; ``step`` the instruction that made
    the layer. ``path``: a file, or a key of the document. ``how``: existence, kind, mode, owner, size,
    content, time, link, device, attributes, order, compression, value or created; ``one`` and ``other``
    are what the two builds have, for people."""

    where: str
    step: str
    path: str
    how: str
    one: str
    other: str

    @property
    def is_time(self) -> bool:
        """Whether the two differ in a time alone."""
        return self.how in _TIMES


def image_differences(one: Image, other: Image) -> Iterator[Difference]:
    """Everything that differs, bottom layer first, then the documents; nothing when the digests are the
    same. Layers are read one after another, listings of two are in memory. Raises ImageError,
    DigestMismatch, and what opening a layer raises."""
    if one.manifest_bytes() == other.manifest_bytes():
        return
    makers = one.layer_makers() if len(one.layers) >= len(other.layers) else other.layer_makers()
    pairs = zip_longest(one.layers, other.layers)
    for number, ((first, second), maker) in enumerate(zip(pairs, makers, strict=True), 1):
        yield from _layer_differences(f"layer {number}", maker, first, second)
    yield from document_differences("config", one.config_bytes(), other.config_bytes(), ("rootfs",))
    ignored = ("config", "layers")
    yield from document_differences("manifest", one.manifest_bytes(), other.manifest_bytes(), ignored)


def member_differences(one: Mapping[bytes, Member], other: Mapping[bytes, Member]) -> Iterator[Difference]:
    """How two layers' entries differ, by path; ``where`` and ``step`` are empty."""
    for path in sorted(one.keys() | other.keys()):
        shown = "/" + os.fsdecode(path)
        first, second = one.get(path), other.get(path)
        if first is None or second is None:
            there, missing = "there", "not there"
            pair = (missing, there) if first is None else (there, missing)
            yield Difference("", "", shown, "existence", *pair)
            continue
        for how, show in _ASPECTS:
            texts = show(first), show(second)
            if texts[0] != texts[1]:
                yield Difference("", "", shown, how, *texts)
    if list(one) != list(other) and one.keys() == other.keys():
        yield Difference("", "", "/", "order", "one order", "another")


def document_differences(
    where: str, one: bytes, other: bytes, ignored: tuple[str, ...] = ()
) -> Iterator[Difference]:
    """How two JSON objects differ, key by key, without the ``ignored`` ones at the top."""
    first, second = (
        {key: value for key, value in json.loads(data).items() if key not in ignored} for data in (one, other)
    )
    yield from _values(where, "", first, second)


def _layer_differences(where: str, step: str, one: Layer | None, other: Layer | None) -> Iterator[Difference]:
    if one is None or other is None:
        pair = ("not there", "there") if one is None else ("there", "not there")
        yield Difference(where, step, "", "existence", *pair)
        return
    if one.diff_id != other.diff_id:
        listings = list_members(verified_blocks(one)), list_members(verified_blocks(other))
        found = list(member_differences(*listings))
        for item in found:
            yield Difference(where, step, item.path, item.how, item.one, item.other)
        if not found:
            yield Difference(where, step, "", "value", str(one.diff_id), str(other.diff_id))
    elif one.descriptor.digest != other.descriptor.digest:
        digests = str(one.descriptor.digest), str(other.descriptor.digest)
        yield Difference(where, step, "", "compression", *digests)


def _values(where: str, path: str, one: object, other: object) -> Iterator[Difference]:
    if isinstance(one, dict) and isinstance(other, dict):
        for key in [*one, *(key for key in other if key not in one)]:
            below = f"{path}.{key}" if path else str(key)
            yield from _values(where, below, one.get(key), other.get(key))
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for number, (first, second) in enumerate(zip(one, other, strict=True)):
            yield from _values(where, f"{path}[{number}]", first, second)
    elif one != other:
        how = "created" if path.rpartition(".")[2] == "created" else "value"
        yield Difference(where, "", path, how, json.dumps(one), json.dumps(other))


def _time(member: Member) -> str:
    seconds, rest = divmod(member.mtime_ns, 10**9)
    try:
        moment = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
    except (OverflowError, ValueError, OSError):
        return f"{member.mtime_ns} ns"
    return f"{moment:%Y-%m-%dT%H:%M:%S}" + (f".{rest:09d}" if rest else "") + "Z"


def _xattrs(member: Member) -> str:
    return " ".join(f"{key}={value.hex()}" for key, value in member.xattrs)


_ASPECTS: tuple[tuple[str, Callable[[Member], str]], ...] = (
    ("kind", lambda member: member.kind),
    ("mode", lambda member: f"{member.mode:04o}"),
    ("owner", lambda member: f"{member.uid}:{member.gid}"),
    ("size", lambda member: str(member.size)),
    ("content", lambda member: member.content and f"sha256:{member.content}"),
    ("link", lambda member: os.fsdecode(member.link)),
    ("device", lambda member: f"{os.major(member.device)},{os.minor(member.device)}"),
    ("attributes", _xattrs),
    ("time", _time),
)
