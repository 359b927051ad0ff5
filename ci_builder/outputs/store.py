"""``type=image`` without push: into the embedded store, an OCI layout."""

from __future__ import annotations

from pathlib import Path

from ci_builder.layout.writer import write_image
from ci_builder.oci.reference import Reference
from ci_builder.outputs.interface import Product, Written
from ci_builder.values import dataclass


@dataclass(frozen=True, slots=True)
class StoreOutput:
    """The embedded store in ``folder``. An image's ref name there is its whole reference."""

    folder: Path

    def check(self, references: tuple[Reference, ...]) -> None:
        """Nothing to check: the folder is made when needed."""

    def write(self, product: Product) -> Written:
        """Add the image under its names, or without one."""
        names = [(str(item), str(item)) for item in product.references]
        manifest = write_image(self.folder, product.image, names, product.annotations)
        return Written(
            f"{self.folder} (OCI layout, {', '.join(name for name, _ in names) or manifest.digest})"
        )
