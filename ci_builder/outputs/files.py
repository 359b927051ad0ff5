"""``type=local`` and ``type=tar``: the image's root file system as a folder or a tar, without the config."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

from ci_builder.errors import OutputError
from ci_builder.oci.reference import Reference
from ci_builder.outputs.archive import check_file, check_folder, write_whole
from ci_builder.outputs.interface import Product, Written
from ci_builder.rootfs.export import remove_others, tree_copy, tree_tar
from ci_builder.values import dataclass


@dataclass(frozen=True, slots=True)
class FolderOutput:
    """``type=local``: files are copied into ``dest`` over what is there (buildx' mode=copy); with ``delete``
    what is not in the image is removed there (mode=delete)."""

    dest: Path
    delete: bool = False

    def check(self, references: tuple[Reference, ...]) -> None:
        """``dest`` must be a folder, or not there; with ``delete`` none that holds the working directory."""
        check_folder(self.dest)
        if self.delete and Path.cwd().is_relative_to(self.dest.resolve()):
            raise OutputError(
                f"mode=delete would empty {self.dest}, which holds the working directory",
                hint="give a folder of its own as dest",
            )

    def write(self, product: Product) -> Written:
        """Copy the whole tree."""
        try:
            with product.files() as tree:
                tree_copy(tree, self.dest, product.times)
                if self.delete:
                    remove_others(tree, self.dest)
        except OSError as error:
            where = os.fsdecode(error.filename) if error.filename else self.dest
            raise OutputError(f"cannot write {where}: {error.strerror}") from error
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
            write_whole(self.dest, lambda file: tree_tar(tree, file, product.times))
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
            tree_tar(tree, self.stream, product.times)
        return Written("standard output")
