"""One built image in the forms that outputs want: each layer is converted once for each form."""

from __future__ import annotations

from pathlib import Path

from ci_builder.oci.config import ImageConfig
from ci_builder.oci.digest import Digest
from ci_builder.oci.image import Family, Image
from ci_builder.oci.layer import Layer
from ci_builder.oci.media_types import layer_compression
from ci_builder.outputs.form import Form
from ci_builder.rootfs.compress import GZIP, Compression
from ci_builder.rootfs.convert import convert_layer
from ci_builder.rootfs.times import KEPT, Times
from ci_builder.values import dataclass, field, replace


@dataclass(frozen=True, slots=True)
class Made:
    """How layers were written while they were built."""

    compression: Compression
    times: Times = KEPT


MADE_AS_USUAL = Made(GZIP)


@dataclass(frozen=True, slots=True)
class Source:
    """A built image. The first ``base_layers`` of its layers came with its base, those from number
    ``own_layers`` on were written as ``made`` says, those between with their own times."""

    image: Image
    base_layers: int
    own_layers: int
    made: Made


@dataclass(frozen=True, slots=True)
class Variants:
    """Makes forms of images; new layers go to ``folder``, ``epoch`` is SOURCE_DATE_EPOCH in seconds."""

    folder: Path
    epoch: int | None = None
    _known: dict[tuple[Digest, Compression, Times], Layer] = field(default_factory=dict)

    def image(self, source: Source, form: Form) -> Image:
        """The image in this form. What the form leaves as it is stays so byte for byte: layers of the
        base without ``force``, and the whole image where nothing changes. Raises OutputError, ImageError,
        DigestMismatch, RegistryError."""
        layers = tuple(
            self._layer(layer, number, source, form) for number, layer in enumerate(source.image.layers)
        )
        image = source.image
        if layers != image.layers:
            config = image.config
            if any(new.diff_id != old.diff_id for new, old in zip(layers, image.layers, strict=True)):
                config = replace(config, diff_ids=tuple(layer.diff_id for layer in layers))
            image = _with(image, config, layers)
        image = image.with_annotations(form.annotations)
        family = _family(image, source, form)
        return image if family == image.family else replace(image, family=family, raw_manifest=b"")

    def _layer(self, layer: Layer, number: int, source: Source, form: Form) -> Layer:
        found = layer_compression(layer.descriptor.media_type)
        wanted = form.compression
        if number < source.base_layers:
            if not form.force or (found == wanted.name and wanted.level is None):
                return layer
            return self._converted(layer, wanted, KEPT)
        times = Times(latest=self.epoch) if form.rewrite else KEPT
        made = source.made.times if number >= source.own_layers else KEPT
        if wanted == source.made.compression and found == wanted.name and times == made:
            return layer
        return self._converted(layer, wanted, times)

    def _converted(self, layer: Layer, compression: Compression, times: Times) -> Layer:
        key = (layer.descriptor.digest, compression, times)
        if key not in self._known:
            self._known[key] = convert_layer(layer, self.folder, compression, times=times)
        return self._known[key]


def how_to_make(forms: list[Form], epoch: int | None) -> Made:
    """How layers are best written at once: as the first form wants them, with times of their own if one
    form wants those (times that are cut do not come back)."""
    if not forms:
        return MADE_AS_USUAL
    plain = [form for form in forms if not form.rewrite]
    if plain:
        return Made(plain[0].compression)
    return Made(forms[0].compression, Times(latest=epoch))


def _with(image: Image, config: ImageConfig, layers: tuple[Layer, ...]) -> Image:
    raw = image.raw_config if config == image.config else b""
    return replace(image, config=config, layers=layers, raw_config=raw, raw_manifest=b"")


def _family(image: Image, source: Source, form: Form) -> Family:
    """Docker's media types know neither zstd nor annotations: an image that needs them becomes OCI's."""
    if form.family is not None:
        return form.family
    untouched = source.image.layers[: source.base_layers]
    made = [layer for layer in image.layers if layer not in untouched]
    zstd = any(layer_compression(layer.descriptor.media_type) == "zstd" for layer in made)
    return "oci" if zstd or form.annotations else image.family
