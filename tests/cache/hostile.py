"""A cache of RUN --mount in a registry that wants to get out of its folder."""

from __future__ import annotations

import gzip
import io
import tarfile
from dataclasses import replace
from pathlib import Path

from ci_builder.cache.mounts import MountRecords, mount_records_of
from ci_builder.oci import media_types
from ci_builder.oci.descriptor import Descriptor
from ci_builder.oci.digest import Digest
from ci_builder.oci.layer import Layer
from ci_builder.oci.reference import Reference
from tests.cache.held import client


def push_mounts(repository: str, name: str, folder: Path) -> None:
    """Replace the content of the cache ``name`` in the only scope there."""
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w") as archive:
        for path in ("innocent", "../../../../escaped"):
            archive.addfile(tarfile.TarInfo(path), io.BytesIO())
    raw = tar.getvalue()
    stored = gzip.compress(raw, mtime=0)
    descriptor = Descriptor(media_types.layer_type("oci", "gzip"), Digest.of(stored), len(stored))
    layer = Layer(descriptor, Digest.of(raw), lambda: io.BytesIO(stored))
    with client(folder / "hostile") as registry:
        at = Reference.parse(repository)
        (tag,) = [tag for tag in registry.tags(at) if tag.startswith("mounts-")]
        image = registry.image(replace(at, tag=tag), None)
        records = mount_records_of(image)
        assert records is not None
        bad = tuple(replace(item, layer=layer) if item.name.id == name else item for item in records.all)
        registry.push(MountRecords(bad).to_image(image.config.platform, tag), [replace(at, tag=tag)])
