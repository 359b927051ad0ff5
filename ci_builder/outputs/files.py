"""``type=local`` and ``type=tar``: the image's root file system as a folder or a tar, without the config."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ci_builder.errors import OutputError
from ci_builder.oci.reference import Reference
from ci_builder.outputs.archive import check_file, write_whole
from ci_builder.outputs.interface import Product, Written
from ci_builder.rootfs.export import tree_copy, tree_tar


@dataclass(frozen=True, slots=True)
class FolderOutput:
    """``type=local``: files are copied into ``dest`` over what is there (buildx' mode=copy)."""

    dest: Path

    def check(self, references: tuple[Reference, ...]) -> None:
        """``dest`` must be a folder, or not there."""
        if self.dest.exists() and not self.dest.is_dir():
            raise OutputError(f"{self.dest} is not a folder")

    def write(self, product: Product) -> Written:
        """Copy the whole tree."""
        with product.files() as tree:
            tree_copy(tree, self.dest)
        return Written(f"{self.dest} (root file system)")


@dataclass(frozen=True, slots=True)
class TarOutput:
    """``type=tar`` to a file."""

    dest: Path

    def check(self, references: tuple[Reference, ...]) -> None:
        """The folder of ``dest`` must be there."""
        check_file(self.dest)

    def write(self, product: Product) -> Written:
        """Write the tar; it appears under its name when it is whole."""
        with product.files() as tree:
            write_whole(self.dest, lambda file: tree_tar(tree, file))
        return Written(f"{self.dest} (root file system, tar)")


@dataclass(frozen=True, slots=True)
class TarStreamOutput:
    """``type=tar`` to standard output."""

    stream: BinaryIO

    def check(self, references: tuple[Reference, ...]) -> None:
        """Nothing to check."""

    def write(self, product: Product) -> Written:
        """Write the tar."""
        with product.files() as tree:
            tree_tar(tree, self.stream)
        return Written("standard output")
