"""Records for the tests, and what hypothesis makes them of."""

from __future__ import annotations

import io

from hypothesis import strategies as st

from ci_builder.cache.inputs import Key
from ci_builder.cache.record import Record
from ci_builder.oci.descriptor import Descriptor
from ci_builder.oci.digest import Digest
from ci_builder.oci.layer import Layer
from ci_builder.oci.platform import Platform

AMD64 = Platform("linux", "amd64")
NOW = 1_700_000_000


def layer(name: str, compression: str = "gzip") -> Layer:
    """A layer whose diff ID hangs on ``name`` only, whose blob on ``compression`` as well."""
    stored = f"{compression} {name}".encode()
    kind = f"application/vnd.oci.image.layer.v1.tar+{compression}"
    descriptor = Descriptor(kind, Digest.of(stored), len(stored))
    return Layer(descriptor, Digest.of(name.encode()), lambda: io.BytesIO(stored))


def key(name: str) -> Key:
    """A key that looks like one."""
    return Key(Digest.of(name.encode()).hex)


def record(
    name: str = "a",
    *,
    keys: tuple[str, ...] = (),
    title: str = "RUN a",
    stage: str = "app",
    inputs: tuple[tuple[str, str], ...] = (("base", "0" * 16),),
    made: int = NOW,
    used: int = NOW,
    compression: str = "gzip",
) -> Record:
    """A record of the layer called ``name``."""
    return Record(
        tuple(key(item) for item in keys or (name,)),
        layer(name, compression),
        stage,
        title,
        "2023-11-14T22:13:20.123Z",
        made,
        used,
        inputs,
    )


_TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
_DIGITS = st.integers(0, 2**64 - 1).map(lambda number: f"{number:016x}")
_NAMES = st.sampled_from("abcdef")


@st.composite
def some_records(draw: st.DrawFn) -> list[Record]:
    """Records of few layers, so that many have something in common."""
    found = []
    for _ in range(draw(st.integers(0, 5))):
        found.append(
            record(
                draw(_NAMES),
                keys=tuple(draw(st.lists(_NAMES, min_size=1, max_size=3, unique=True))),
                title=draw(_TEXT),
                stage=draw(_TEXT),
                inputs=tuple(draw(st.lists(st.tuples(_TEXT, _DIGITS), max_size=3))),
                made=draw(st.integers(0, 2**40)),
                used=draw(st.integers(0, 2**40)),
                compression=draw(st.sampled_from(("gzip", "zstd"))),
            )
        )
    return found
