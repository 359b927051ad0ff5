"""Unpacking the layers of an image: opened, decompressed, verified and applied in one pass each."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterable, Iterator, Set
from typing import BinaryIO

from ci_builder.errors import CiBuilderError, DigestMismatch, ImageError
from ci_builder.oci.layer import Layer
from ci_builder.oci.media_types import layer_compression
from ci_builder.progress import Notice, Progress, silent
from ci_builder.rootfs.ahead import Ahead, Put
from ci_builder.rootfs.decompress import decompressed
from ci_builder.rootfs.tree import Tree
from ci_builder.rootfs.unpack import unpack

_BLOCK = 1 << 20


def apply_layers(
    layers: Iterable[Layer], tree: Tree, progress: Progress = silent, *, keep: Set[bytes] | None = None
) -> None:
    """Unpack ``layers``, bottom first, into ``tree``. ``keep``: see ``unpack``.

    Blob digest, size and diff ID are verified while the content streams; files of a layer that turns
    out to be false are already in the tree, which is then to be thrown away. Raises DigestMismatch,
    and whatever ``unpack`` and the layers' streams raise.
    """
    for layer in layers:
        progress(Notice("debug", f"unpacking {layer.descriptor.digest} ({layer.descriptor.size} bytes)"))
        with blamed(layer), Ahead(_Source(layer).produce) as blocks:
            unpack(blocks, tree, keep=keep)


@contextlib.contextmanager
def blamed(layer: Layer) -> Iterator[None]:
    """What cannot be read of a layer, since its bytes are not those that its digest says, is told as that:
    the layer is read once more. Raises DigestMismatch and whatever came."""
    try:
        yield
    except DigestMismatch:
        raise
    except ImageError as error:
        _check_again(layer)
        raise error


def _check_again(layer: Layer) -> None:
    """Raises DigestMismatch for stored bytes that are others."""
    try:
        with layer.open() as stream:
            stored = _Stored(stream, layer)
            while stored.read(_BLOCK):
                pass
            stored.check()
    except DigestMismatch:
        raise
    except CiBuilderError:
        return  # the error that led here says more


def verified_blocks(layer: Layer) -> Iterator[bytes]:
    """The uncompressed tar of ``layer`` in blocks; after the last one the digests are compared.
    Raises DigestMismatch, ImageError."""
    descriptor = layer.descriptor
    compression = layer_compression(descriptor.media_type)
    if compression is None:
        raise ImageError(f"{descriptor.media_type} is not a layer's media type")
    content = hashlib.new(layer.diff_id.algorithm)
    with layer.open() as stream:
        stored = _Stored(stream, layer)

        def produce(put: Put) -> None:
            for block in decompressed(stored, compression):  # type: ignore[arg-type]
                put(block)

        # Decompressing takes as long as hashing and writing the files together: in a thread of its own.
        with Ahead(produce) as blocks:
            for block in blocks:
                content.update(block)
                yield block
        stored.check()
    actual = content.hexdigest()
    if actual != layer.diff_id.hex:
        raise DigestMismatch(
            f"content of the layer {descriptor.digest}",
            str(layer.diff_id),
            f"{layer.diff_id.algorithm}:{actual}",
        )


class _Source:
    """Puts the verified blocks of a layer."""

    def __init__(self, layer: Layer) -> None:
        self._layer = layer

    def produce(self, put: Put) -> None:
        """Put them all."""
        for block in verified_blocks(self._layer):
            put(block)


class _Stored:
    """The stored bytes of a layer, counted and hashed as they are read."""

    def __init__(self, stream: BinaryIO, layer: Layer) -> None:
        self._stream = stream
        self._descriptor = layer.descriptor
        self._hash = hashlib.new(layer.descriptor.digest.algorithm)
        self._size = 0

    def read(self, size: int) -> bytes:
        """At most ``size`` bytes. Raises DigestMismatch once there are too many."""
        block = self._stream.read(size)
        self._size += len(block)
        self._hash.update(block)
        if self._size > self._descriptor.size:
            self._raise_size(f"more than {self._descriptor.size}")
        return block

    def check(self) -> None:
        """Compare size and digest. Raises DigestMismatch."""
        if self._size != self._descriptor.size:
            self._raise_size(str(self._size))
        expected = self._descriptor.digest
        if self._hash.hexdigest() != expected.hex:
            raise DigestMismatch("layer", str(expected), f"{expected.algorithm}:{self._hash.hexdigest()}")

    def _raise_size(self, actual: str) -> None:
        what = f"size of the layer {self._descriptor.digest}"
        raise DigestMismatch(what, f"{self._descriptor.size} bytes", f"{actual} bytes")
