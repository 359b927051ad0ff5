"""``--push``, ``type=registry``, ``type=image,push=true``: to the registries of its references."""

from __future__ import annotations

from ci_builder.errors import UsageError
from ci_builder.oci.reference import Reference
from ci_builder.outputs.interface import Product, Written
from ci_builder.registry.client import Registry
from ci_builder.values import dataclass, replace


@dataclass(frozen=True, slots=True)
class PushOutput:
    """Pushes by ``registry``; the tags appear when everything else is there. ``by_digest``: there are
    none, and the names that are told have the digest."""

    registry: Registry
    by_digest: bool = False

    def check(self, references: tuple[Reference, ...]) -> None:
        """Ask each repository whether these credentials may push to it, before the build."""
        if not references:
            raise UsageError("there is nothing to push to", hint="give the image a name with --tag")
        for reference in {(item.registry, item.repository): item for item in references}.values():
            self.registry.check_push(reference)

    def write(self, product: Product) -> Written:
        """Push layers, config and manifest, then the tags."""
        references = product.references
        if self.by_digest:
            digest = product.image.descriptor().digest
            references = tuple(replace(item, tag="", digest=digest) for item in references)
        self.registry.push(product.image, references)
        names = tuple(str(item) for item in references)
        return Written(", ".join(names), names)
