"""Images out of registries and their mirrors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import BinaryIO, TypeVar

from ci_builder.errors import ImageError, RegistryError
from ci_builder.oci import media_types
from ci_builder.oci.config import ImageConfig
from ci_builder.oci.descriptor import Descriptor
from ci_builder.oci.digest import Digest
from ci_builder.oci.image import Image, Manifest
from ci_builder.oci.index import Index
from ci_builder.oci.layer import Layer
from ci_builder.oci.platform import Platform
from ci_builder.oci.reference import Reference
from ci_builder.progress import Notice, Progress
from ci_builder.registry.authorizer import Subject
from ci_builder.registry.blob_source import BlobSource
from ci_builder.registry.blobs import Blobs
from ci_builder.registry.manifests import Repository
from ci_builder.registry.transport import Transport
from ci_builder.values import dataclass

_INDEX_DEPTH = 3
_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class Puller:
    """Pulls by tag and digest. ``mirrors`` are (registry, mirror ``host[/path]``) pairs, each tried with
    ``mirror_transport``, which is less patient, before the registry itself. Thread-safe."""

    transport: Transport
    mirror_transport: Transport
    mirrors: Sequence[tuple[str, str]]
    blobs: Blobs
    progress: Progress

    def image(self, reference: Reference, platform: Platform | None) -> Image:
        """As ``Registry.image``."""
        return self._first(reference, lambda source: self._image(source, reference, platform))

    def resolve(self, reference: Reference) -> Descriptor:
        """As ``Registry.resolve``."""
        return self._first(reference, lambda source: source.resolve(reference))

    def manifest(self, reference: Reference) -> bytes:
        """As ``Registry.manifest``."""
        return self._first(reference, lambda source: source.manifest(reference)[1])

    def _sources(self, reference: Reference) -> list[Repository]:
        found = []
        for registry, mirror in self.mirrors:
            if registry == reference.registry:
                host, _, path = mirror.partition("/")
                name = f"{path.strip('/')}/{reference.repository}".strip("/")
                found.append(Repository(self.mirror_transport, _pulling(host, name)))
        found.append(Repository(self.transport, _pulling(reference.registry, reference.repository)))
        return found

    def _first(self, reference: Reference, action: Callable[[Repository], _Result]) -> _Result:
        *mirrors, registry = self._sources(reference)
        for mirror in mirrors:
            try:
                return action(mirror)
            except (RegistryError, ImageError) as error:
                self.progress(Notice("info", f"the mirror {mirror.name} does not help: {error}"))
        return action(registry)

    def _image(self, source: Repository, reference: Reference, platform: Platform | None) -> Image:
        found, raw = source.manifest(reference)
        for _ in range(_INDEX_DEPTH):
            if found.media_type not in media_types.INDEXES:
                break
            if platform is None:
                raise ImageError(f"{reference} is an image index")
            chosen = Index.parse(raw).select(platform)
            found, raw = source.manifest(reference.with_digest(chosen.digest))
        if found.media_type not in media_types.MANIFESTS:
            raise ImageError(f"{reference}: image indexes within image indexes, without end")
        manifest = Manifest.parse(raw, found.media_type)
        raw_config = source.config(manifest.config)
        config = ImageConfig.parse(raw_config)
        if len(config.diff_ids) != len(manifest.layers):
            raise ImageError(
                f"{reference}: the config names {len(config.diff_ids)} layers, "
                f"the manifest {len(manifest.layers)}"
            )
        self._compare(reference, config.platform, platform)
        layers = tuple(
            self._layer(reference, descriptor, diff_id)
            for descriptor, diff_id in zip(manifest.layers, config.diff_ids, strict=True)
        )
        return Image(config, layers, manifest.family, manifest.annotations, raw_config, raw)

    def _layer(self, reference: Reference, descriptor: Descriptor, diff_id: Digest) -> Layer:
        if media_types.layer_compression(descriptor.media_type) is None:
            raise ImageError(f"{reference}: {descriptor.media_type!r:.120} is not a layer's media type")
        sources = [
            BlobSource(source.transport, source.subject, descriptor) for source in self._sources(reference)
        ]

        def open_blob() -> BinaryIO:
            return self.blobs.open(sources)

        return Layer(descriptor, diff_id, open_blob, reference.name)

    def _compare(self, reference: Reference, image: Platform, wanted: Platform | None) -> None:
        if wanted is not None and image.architecture and not wanted.runs(image):
            text = f"{reference.familiar} is an image for {image}, not for {wanted}"
            self.progress(Notice("warning", text))


def _pulling(registry: str, repository: str) -> Subject:
    return Subject(registry, repository, (f"repository:{repository}:pull",))
