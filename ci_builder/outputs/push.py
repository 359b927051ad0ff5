"""``--push``, ``type=registry``, ``type=image,push=true``: to the registries of its references."""

from __future__ import annotations

from dataclasses import dataclass

from ci_builder.errors import UsageError
from ci_builder.oci.reference import Reference
from ci_builder.outputs.interface import Product, Written
from ci_builder.registry.client import Registry


@dataclass(frozen=True, slots=True)
class PushOutput:
    """Pushes by ``registry``; the tags appear when everything else is there."""

    registry: Registry

    def check(self, references: tuple[Reference, ...]) -> None:
        """Ask each repository whether these credentials may push to it, before the build."""
        if not references:
            raise UsageError("there is nothing to push to", hint="give the image a name with --tag")
        for reference in {(item.registry, item.repository): item for item in references}.values():
            self.registry.check_push(reference)

    def write(self, product: Product) -> Written:
        """Push layers, config and manifest, then the tags."""
        self.registry.push(product.image, product.references)
        names = tuple(str(item) for item in product.references)
        return Written(", ".join(names), names)
