"""``type=image`` without push: into the embedded store, an OCI layout."""

from __future__ import annotations

import os
from pathlib import Path

from ci_builder.errors import OutputError
from ci_builder.layout.writer import entries_of, write_image
from ci_builder.oci.reference import Reference
from ci_builder.outputs.interface import Product, Written
from ci_builder.values import dataclass


@dataclass(frozen=True, slots=True)
class StoreOutput:
    """The embedded store in ``folder``. An image's ref name there is its whole reference."""

    folder: Path

    def check(self, references: tuple[Reference, ...]) -> None:
        """The folder, or the one that it is to be made in, must be writable, and its index one if it has
        any. Raises OutputError."""
        there = next(path for path in (self.folder, *self.folder.absolute().parents) if path.exists())
        if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
            raise OutputError(
                f"the image cannot be kept: nothing can be written to {there}",
                hint="name an --output, push it, or set CI_BUILDER_HOME to a folder that can be written to",
            )
        entries_of(self.folder)

    def write(self, product: Product) -> Written:
        """Add the image under its names, or without one."""
        names = [(str(item), str(item)) for item in product.references]
        manifest = write_image(self.folder, product.image, names, product.annotations)
        return Written(
            f"{self.folder} (OCI layout, {', '.join(name for name, _ in names) or manifest.digest})"
        )
