"""Each chain of layers is unpacked once."""

from __future__ import annotations

import io
import threading
import time
from pathlib import Path

from ci_builder.executors.bases import Bases
from ci_builder.oci import media_types
from ci_builder.oci.config import History
from ci_builder.oci.descriptor import Descriptor
from ci_builder.oci.digest import Digest
from ci_builder.oci.image import Image, scratch
from ci_builder.oci.layer import Layer
from ci_builder.oci.platform import Platform


def _image(*contents: bytes) -> Image:
    image = scratch(Platform("linux", "amd64"))
    for content in contents:
        digest = Digest.of(content)
        descriptor = Descriptor(media_types.OCI_LAYER_TAR, digest, len(content))
        image = image.append(Layer(descriptor, digest, io.BytesIO), History())
    return image


def test_a_longer_chain_lies_over_the_known_one() -> None:
    calls: list[tuple[int, int, tuple[Path, ...]]] = []

    def unpack(image: Image, first: int, below: tuple[Path, ...]) -> Path:
        calls.append((len(image.layers), first, below))
        return Path(f"b{len(calls)}")

    bases = Bases(unpack)
    assert bases.folders(_image()) == ()
    assert bases.folders(_image(b"1", b"2")) == (Path("b1"),)
    assert bases.folders(_image(b"1", b"2")) == (Path("b1"),)
    assert bases.folders(_image(b"1", b"2", b"3", b"4")) == (Path("b2"), Path("b1"))
    assert bases.folders(_image(b"1", b"x")) == (Path("b3"),)
    assert calls == [(2, 0, ()), (4, 2, (Path("b1"),)), (2, 0, ())]


def test_threads_wait_for_the_one_that_unpacks() -> None:
    calls: list[int] = []

    def unpack(image: Image, first: int, below: tuple[Path, ...]) -> Path:
        calls.append(first)
        time.sleep(0.05)
        return Path("b")

    bases = Bases(unpack)
    threads = [threading.Thread(target=bases.folders, args=(_image(b"1"),)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert calls == [0]
