"""The end of a build: the image's last touch, its outputs, and the Result."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from ci_builder.build.evaluate import State
from ci_builder.cache.inline import with_records
from ci_builder.cache.records import NO_RECORDS, Records
from ci_builder.executors.choose import Choice
from ci_builder.oci.image import Image
from ci_builder.outputs.choose import Wanted
from ci_builder.outputs.form import Form
from ci_builder.outputs.interface import Product, Written
from ci_builder.outputs.variants import Source, Variants
from ci_builder.request import LayerReport, Result
from ci_builder.rootfs.times import Times
from ci_builder.rootfs.tree import Tree
from ci_builder.values import dataclass, replace

_NO_FORM = Form()


def finished_image(image: Image, state: State) -> Image:
    """The image with the config that ``state`` says."""
    created = image.config.history[-1].created if image.config.history else image.config.created
    config = replace(image.config, run=state.run, author=state.author, created=created)
    return image.with_config(config)


@dataclass(frozen=True, slots=True)
class Built:
    """The finished images by their targets' names (empty: the first), how they were built, and what
    brings them into forms. ``records``: what the images say of how their layers were made."""

    sources: Mapping[str, Source]
    choice: Choice
    variants: Variants
    records: Records = NO_RECORDS


@dataclass(frozen=True, slots=True)
class Delivered:
    """What an output got, and what it said of it."""

    wanted: Wanted
    image: Image
    base_layers: int
    written: Written


def write_product(built: Built, outputs: Sequence[Wanted]) -> tuple[Delivered, ...]:
    """Write to every output, in their order."""
    return tuple(_deliver(built, wanted) for wanted in outputs)


def _deliver(built: Built, wanted: Wanted) -> Delivered:
    source = built.sources[wanted.target]
    form = wanted.form or _NO_FORM
    image = source.image if wanted.form is None else built.variants.image(source, form)
    image = with_records(image, built.records)
    product = Product(
        image,
        wanted.references,
        partial(_files, built.choice, source.image),
        form.descriptor_annotations,
        Times(all=built.variants.epoch),
    )
    return Delivered(wanted, image, source.base_layers, wanted.output.write(product))


@contextlib.contextmanager
def _files(choice: Choice, image: Image) -> Iterator[Tree]:
    workspace = choice.executor.workspace(image, writable=False)
    try:
        yield workspace.tree
    finally:
        workspace.close()


def report(choice: Choice, delivered: Sequence[Delivered], seconds: float) -> Result:
    """What came of it. The image that is told is the first that was pushed, else the first image."""
    images = [item for item in delivered if item.wanted.form is not None]
    main = next((item for item in images if item.written.pushed), (images or list(delivered))[0])
    image, form = main.image, main.wanted.form or _NO_FORM
    manifest = image.descriptor()
    same = [item for item in images if item.image.descriptor().digest == manifest.digest]
    several = len({item.image.descriptor().digest for item in images}) > 1
    return Result(
        digest=str(manifest.digest),
        image_id=str(image.config_descriptor().digest),
        manifest_size=manifest.size,
        media_type=manifest.media_type,
        tags=_once(str(name) for item in same for name in item.wanted.references),
        pushed=_once(name for item in same for name in item.written.pushed),
        written=tuple(_line(item, several) for item in delivered),
        layers=_layers(main),
        executor=choice.executor.name,
        executor_reason=choice.reason,
        seconds=seconds,
        is_image=bool(images),
        created=image.config.created,
        platform=str(image.config.platform),
        annotations=form.descriptor_annotations,
    )


def _once(names: Iterator[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


def _line(item: Delivered, several: bool) -> str:
    """Where it went; the digest as well where not all images are the same."""
    if not several or item.wanted.form is None:
        return item.written.where
    return f"{item.written.where} {item.image.descriptor().digest}"


def _layers(main: Delivered) -> tuple[LayerReport, ...]:
    image = main.image
    return tuple(
        LayerReport(
            str(layer.descriptor.digest), layer.descriptor.size, made_by, base=number < main.base_layers
        )
        for number, (layer, made_by) in enumerate(zip(image.layers, image.layer_makers(), strict=True))
    )
