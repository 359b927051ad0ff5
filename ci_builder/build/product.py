"""The end of a build: the image's last touch, its outputs, and the Result."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from ci_builder.build.evaluate import State
from ci_builder.executors.choose import Choice
from ci_builder.oci.image import Image
from ci_builder.oci.reference import Reference
from ci_builder.outputs.interface import Output, Product, Written
from ci_builder.request import LayerReport, Result
from ci_builder.rootfs.tree import Tree


def finished_image(image: Image, state: State) -> Image:
    """The image with the config that ``state`` says."""
    created = image.config.history[-1].created if image.config.history else image.config.created
    config = replace(image.config, run=state.run, author=state.author, created=created)
    return image.with_config(config)


@dataclass(frozen=True, slots=True)
class Built:
    """A finished image, its names, how it was built, and how many of its layers came with the base."""

    image: Image
    references: tuple[Reference, ...]
    choice: Choice
    base_layers: int


def write_product(built: Built, outputs: Sequence[Output]) -> tuple[Written, ...]:
    """Write the image to every output, in their order."""

    @contextlib.contextmanager
    def files() -> Iterator[Tree]:
        workspace = built.choice.executor.workspace(built.image, writable=False)
        try:
            yield workspace.tree
        finally:
            workspace.close()

    product = Product(built.image, built.references, files)
    return tuple(output.write(product) for output in outputs)


def report(built: Built, written: tuple[Written, ...], seconds: float) -> Result:
    """What came of it."""
    image = built.image
    manifest = image.descriptor()
    makers = [item.created_by for item in image.config.history if not item.empty_layer]
    # A base may have fewer history entries than layers: the entries belong to the topmost ones.
    makers = [""] * (len(image.layers) - len(makers)) + makers[-len(image.layers) :] if image.layers else []
    layers = tuple(
        LayerReport(
            str(layer.descriptor.digest), layer.descriptor.size, made_by, base=number < built.base_layers
        )
        for number, (layer, made_by) in enumerate(zip(image.layers, makers, strict=True))
    )
    return Result(
        digest=str(manifest.digest),
        image_id=str(image.config_descriptor().digest),
        manifest_size=manifest.size,
        media_type=manifest.media_type,
        tags=tuple(str(item) for item in built.references),
        pushed=tuple(name for item in written for name in item.pushed),
        written=tuple(item.where for item in written),
        layers=layers,
        executor=built.choice.executor.name,
        executor_reason=built.choice.reason,
        seconds=seconds,
    )
