"""``type=oci`` and ``type=docker``: an archive in one file, on standard output, or an OCI layout folder."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from ci_builder.errors import OutputError
from ci_builder.layout.writer import entries_of, write_image
from ci_builder.oci.reference import Reference
from ci_builder.outputs.interface import Product, Written
from ci_builder.values import dataclass

_CREATED = "org.opencontainers.image.created"


@dataclass(frozen=True, slots=True)
class ArchiveOutput:
    """A tar at ``dest``; ``docker``: one that ``docker load`` of any version reads."""

    dest: Path
    docker: bool

    def check(self, references: tuple[Reference, ...]) -> None:
        """The folder of ``dest`` must be there and ``dest`` no folder."""
        check_file(self.dest)

    def write(self, product: Product) -> Written:
        """Write the tar; it appears under its name when it is whole."""
        write_whole(self.dest, lambda file: self._write(file, product))
        return Written(f"{self.dest} ({'docker' if self.docker else 'OCI'} archive)")

    def _write(self, stream: BinaryIO, product: Product) -> None:
        _write_archive(stream, product, docker=self.docker)


@dataclass(frozen=True, slots=True)
class ArchiveStreamOutput:
    """The same tar to a stream, which is standard output."""

    stream: BinaryIO
    docker: bool

    def check(self, references: tuple[Reference, ...]) -> None:
        """Nothing to check."""

    def write(self, product: Product) -> Written:
        """Write the tar."""
        try:
            _write_archive(self.stream, product, docker=self.docker)
            self.stream.flush()
        except OSError as error:
            raise OutputError(f"cannot write to standard output: {error.strerror or error}") from error
        return Written("standard output")


@dataclass(frozen=True, slots=True)
class LayoutOutput:
    """``type=oci,tar=false`` and kaniko's --oci-layout-path: an OCI layout folder."""

    dest: Path

    def check(self, references: tuple[Reference, ...]) -> None:
        """``dest`` must be a folder, whose index is one if it has any, or not there."""
        check_folder(self.dest)
        entries_of(self.dest)

    def write(self, product: Product) -> Written:
        """Add the image under its tags."""
        names = [(item.tag, f"{item.name}:{item.tag}") for item in product.references]
        write_image(self.dest, product.image, names, _of_the_entry(product))
        return Written(f"{self.dest} (OCI layout)")


def _write_archive(stream: BinaryIO, product: Product, *, docker: bool) -> None:
    from ci_builder.layout.archive import write_archive  # here: most outputs are no archives

    annotations = _of_the_entry(product)
    write_archive(stream, product.image, product.references, docker=docker, annotations=annotations)


def _of_the_entry(product: Product) -> tuple[tuple[str, str], ...]:
    """The annotations of the entry that names the manifest: as BuildKit's exporter, with the image's time."""
    created = product.image.config.created
    known = {_CREATED: created} if created else {}
    return tuple((known | dict(product.annotations)).items())


def check_folder(dest: Path) -> None:
    """Raise OutputError where no folder can be made at ``dest``, or written to."""
    if dest.exists() and not dest.is_dir():
        raise OutputError(f"{dest} is not a folder")
    there = next(path for path in (dest.absolute(), *dest.absolute().parents) if path.exists())
    if not os.access(there, os.W_OK | os.X_OK):
        raise OutputError(f"cannot write {dest}: no permission to write in {there}")


def check_file(dest: Path) -> None:
    """Raise OutputError where no file can be written at ``dest``."""
    if dest.is_dir():
        raise OutputError(f"cannot write {dest}: it is a folder", hint="name a file in it")
    if not dest.absolute().parent.is_dir():
        raise OutputError(f"cannot write {dest}: there is no folder {dest.absolute().parent}")
    if not os.access(dest.absolute().parent, os.W_OK):
        raise OutputError(f"cannot write {dest}: no permission to write in {dest.absolute().parent}")


def write_whole(dest: Path, write: Callable[[BinaryIO], None]) -> None:
    """Let ``write`` fill a temporary file beside ``dest``, then rename it; a symbolic link stays one. What
    is no regular file (a device, a fifo) is written to as it is. Raises OutputError."""
    temporary = ""
    try:
        target = Path(os.path.realpath(dest))
        # It was there before the build; a build in place may have replaced everything around it.
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists() and not target.is_file():
            with target.open("wb") as stream:
                write(stream)
            return
        descriptor, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        with os.fdopen(descriptor, "wb") as file:
            write(file)
        os.chmod(temporary, 0o644)
        os.replace(temporary, target)
        temporary = ""
    except OSError as error:
        raise OutputError(f"cannot write {dest}: {error.strerror or error}") from error
    finally:
        if temporary:
            os.unlink(temporary)
