"""Small images and recorders for the tests of the registry client."""

from __future__ import annotations

import gzip
import io
import random
import tarfile
from collections.abc import Sequence
from pathlib import Path

import zstandard

from ci_builder.oci import media_types
from ci_builder.oci.config import History
from ci_builder.oci.descriptor import Descriptor
from ci_builder.oci.digest import Digest
from ci_builder.oci.image import Family, Image, scratch
from ci_builder.oci.layer import Layer
from ci_builder.oci.platform import Platform
from ci_builder.progress import Event, Notice, Transferred, silent
from ci_builder.registry.client import Registry
from ci_builder.registry.credentials import load
from ci_builder.registry.retry import Retry
from ci_builder.registry.upload import CHUNK
from ci_builder.request import RETRIES, Login, RegistryOptions
from tests.servers.registry import RunningRegistry

AMD64 = Platform("linux", "amd64")
ARM64 = Platform("linux", "arm64")


def make_layer(size: int, seed: int = 0, compression: str = "gzip", family: Family = "oci") -> Layer:
    """A layer with one file of ``size`` random bytes."""
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w") as archive:
        entry = tarfile.TarInfo(f"file-{seed}")
        entry.size = size
        archive.addfile(entry, io.BytesIO(random.Random(seed).randbytes(size)))
    raw = tar.getvalue()
    if compression == "gzip":
        stored = gzip.compress(raw, 1, mtime=0)
    else:
        stored = zstandard.compress(raw, 1) if compression == "zstd" else raw
    descriptor = Descriptor(media_types.layer_type(family, compression), Digest.of(stored), len(stored))
    return Layer(descriptor, Digest.of(raw), lambda: io.BytesIO(stored))


def make_image(
    sizes: Sequence[int] = (300_000, 100),
    family: Family = "oci",
    platform: Platform = AMD64,
    compression: str = "gzip",
) -> Image:
    """An image with a layer for each size."""
    image = Image(scratch(platform).config, family=family)
    for number, size in enumerate(sizes):
        layer = make_layer(size, number + 1, compression, family)
        image = image.append(layer, History(created_by=f"layer {number}"))
    return image


def read_layers(image: Image) -> list[bytes]:
    """The stored bytes of every layer."""
    found = []
    for layer in image.layers:
        with layer.open() as stream:
            found.append(stream.read())
    return found


class Recorder:
    """A Progress that keeps the events, and a sleep that keeps the seconds and does not wait."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.slept: list[float] = []

    def __call__(self, event: Event, /) -> None:
        self.events.append(event)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    def transferred(self, how: str) -> int:
        """How many blobs were moved in this way."""
        return sum(1 for event in self.events if isinstance(event, Transferred) and event.how == how)

    def notices(self) -> str:
        """All notices, one a line."""
        return "\n".join(event.text for event in self.events if isinstance(event, Notice))

    def text(self) -> str:
        """Everything that was told."""
        return "\n".join(repr(event) for event in self.events)


def login_of(registry: RunningRegistry) -> list[Login]:
    """The right login for a registry, none for an anonymous one."""
    return [Login(registry.host, registry.user, registry.password)] if registry.user else []


def connect(
    folder: Path,
    logins: Sequence[Login] = (),
    options: RegistryOptions = RegistryOptions(),  # noqa: B008 (frozen)
    recorder: Recorder | None = None,
    environment: dict[str, str] | None = None,
    chunk: int = CHUNK,
) -> Registry:
    """A Registry with its blobs in ``folder``/blobs; with a recorder it never really waits."""
    retries = RETRIES if options.retries is None else options.retries
    retry = Retry(retries, recorder.sleep, lambda low, high: high) if recorder else None
    given = environment or {}
    return Registry(
        load({}, logins), options, given, recorder or silent, folder / "blobs", retry=retry, chunk=chunk
    )
