"""The folder of pulled blobs: ``ALGORITHM/HEX``, as in an OCI layout's ``blobs``; all in it is verified."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from ci_builder.errors import OutputError
from ci_builder.oci.descriptor import Descriptor
from ci_builder.oci.digest import Digest
from ci_builder.progress import Progress
from ci_builder.registry.blob_source import BlobSource
from ci_builder.registry.download import Download


class Blobs:
    """Opens blobs, pulling those that are not there. Thread-safe."""

    def __init__(self, folder: Path, progress: Progress) -> None:
        self._folder = folder
        self._progress = progress
        self._downloads: dict[Digest, Download] = {}
        self._lock = threading.Lock()

    def path(self, digest: Digest) -> Path:
        """Where the blob of ``digest`` lies, or would."""
        return self._folder / digest.algorithm / digest.hex

    def has(self, descriptor: Descriptor) -> bool:
        """Whether the whole blob is in the folder."""
        try:
            return self.path(descriptor.digest).stat().st_size == descriptor.size
        except OSError:
            return False

    def open(self, sources: Sequence[BlobSource]) -> BinaryIO:
        """A stream of the blob that ``sources`` (at least one) have.

        Raises OutputError; reading raises RegistryError, DigestMismatch, OutputError.
        """
        descriptor = sources[0].descriptor
        with self._lock:
            running = self._downloads.get(descriptor.digest)
            if running is not None:
                stream = running.reader()
                if stream is not None:
                    return stream
            if self.has(descriptor):
                return self._open_file(descriptor)
            download = Download(sources, self.path(descriptor.digest), self._progress)
            self._downloads[descriptor.digest] = download
            return download.start()

    def close(self) -> None:
        """Stop every download."""
        with self._lock:
            for download in self._downloads.values():
                download.cancel()

    def _open_file(self, descriptor: Descriptor) -> BinaryIO:
        path = self.path(descriptor.digest)
        try:
            return path.open("rb")
        except OSError as error:
            raise OutputError(f"cannot read the pulled blob {path}: {error.strerror}") from error
