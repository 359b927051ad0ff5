"""A blob on its way into the blobs folder, readable while it arrives.

A thread writes it down and hashes it; any number of readers follow it in the same file, so that a layer is
unpacked while it is pulled, and pulled once however many stages want it.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import io
import os
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from ci_builder.errors import DigestMismatch, OutputError, RegistryError
from ci_builder.oci.descriptor import Descriptor
from ci_builder.progress import Notice, Progress, Transferred
from ci_builder.registry.blob_source import BlobSource

_BUFFER = 1 << 18
#: After this many new bytes a connection counts as good again, so that a long blob survives many breaks.
_PROGRESS = 1 << 20


class Download:
    """One blob being pulled into ``target``. Thread-safe."""

    def __init__(self, sources: Sequence[BlobSource], target: Path, progress: Progress) -> None:
        self.descriptor: Descriptor = sources[0].descriptor
        self._sources = sources
        self._target = target
        self._progress = progress
        self._changed = threading.Condition()
        self._written = 0
        self._verified = False
        self._error: BaseException | None = None
        self._readers = 0
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=".part-")
        except OSError as error:
            raise _unwritable(target, error) from error
        self._temporary = Path(name)
        self._file = os.fdopen(descriptor, "w+b", buffering=0)
        self._thread = threading.Thread(
            target=self._run, name=f"pull {self.descriptor.digest.hex[:12]}", daemon=True
        )

    def start(self) -> BinaryIO:
        """Begin; gives the first reader."""
        stream = self.reader()
        assert stream is not None
        self._thread.start()
        return stream

    def reader(self) -> BinaryIO | None:
        """A stream of the blob from its beginning, None when the download has ended, well or not.

        The last byte comes only when all is verified. Reading raises RegistryError, DigestMismatch,
        OutputError.
        """
        with self._changed:
            if self._verified or self._error is not None:
                return None
            self._readers += 1
            return io.BufferedReader(_Reader(self, os.dup(self._file.fileno())), _BUFFER)

    def cancel(self) -> None:
        """Stop, and remove what is there, unless it is complete."""
        with self._changed:
            if self._verified or self._error is not None:
                return
            self._error = RegistryError(f"the pull of {self.descriptor.digest} was stopped")
            self._changed.notify_all()
        with contextlib.suppress(OSError):
            self._temporary.unlink()

    def available(self, position: int) -> int:
        """Wait until bytes after ``position`` may be read; returns up to where, ``position`` at the end."""
        with self._changed:
            while True:
                if self._error is not None:
                    raise self._error
                limit = self._written if self._verified else min(self._written, self.descriptor.size - 1)
                if limit > position or self._verified:
                    return max(limit, position)
                self._changed.wait()

    def release(self) -> None:
        """A reader was closed; without any the download stops."""
        with self._changed:
            self._readers -= 1
            last = self._readers == 0
        if last:
            self.cancel()

    def _run(self) -> None:
        try:
            hasher = hashlib.new(self.descriptor.digest.algorithm)
            self._transfer(hasher)
            if self._error is not None:
                return
            actual = f"{self.descriptor.digest.algorithm}:{hasher.hexdigest()}"
            if actual != str(self.descriptor.digest):
                raise DigestMismatch(f"blob of {self._sources[-1].name}", str(self.descriptor.digest), actual)
            self._keep()
        except BaseException as error:
            self._fail(error)
        finally:
            self._finish()

    def _transfer(self, hasher: hashlib._Hash) -> None:
        for source in self._sources:
            try:
                self._transfer_from(source, hasher)
            except RegistryError as error:
                if source is self._sources[-1]:
                    raise
                self._progress(Notice("info", f"{error}; trying the next source"))
            else:
                return

    def _transfer_from(self, source: BlobSource, hasher: hashlib._Hash) -> None:
        attempt = 0
        while self._written < self.descriptor.size and self._error is None:
            before = self._written
            try:
                for block in source.blocks(before, lambda: self._error is not None):
                    hasher.update(block)
                    self._write(block)
            except RegistryError as error:
                attempt = 0 if self._written - before >= _PROGRESS else attempt
                source.transport.wait(error, attempt, source.transport.retry)
                attempt += 1

    def _write(self, block: bytes) -> None:
        try:
            view = memoryview(block)
            while view:
                view = view[self._file.write(view) :]
        except OSError as error:
            raise _unwritable(self._target, error) from error
        with self._changed:
            self._written += len(block)
            self._changed.notify_all()

    def _keep(self) -> None:
        try:
            self._temporary.chmod(0o644)
            self._temporary.replace(self._target)
        except OSError as error:
            raise _unwritable(self._target, error) from error
        with self._changed:
            self._verified = True
            self._changed.notify_all()
        digest = str(self.descriptor.digest)
        self._progress(Transferred(digest, "pulled", self.descriptor.size))

    def _fail(self, error: BaseException) -> None:
        with contextlib.suppress(OSError):
            self._temporary.unlink()
        with self._changed:
            self._error = self._error or error
            self._changed.notify_all()

    def _finish(self) -> None:
        with self._changed:  # readers have descriptors of their own
            self._file.close()


class _Reader(io.RawIOBase):
    def __init__(self, download: Download, descriptor: int) -> None:
        self._download = download
        self._descriptor = descriptor
        self._position = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        limit = self._download.available(self._position)
        data = os.pread(self._descriptor, min(len(buffer), limit - self._position), self._position)
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)

    def close(self) -> None:
        if not self.closed:
            os.close(self._descriptor)
            self._download.release()
        super().close()


def _unwritable(target: Path, error: OSError) -> OutputError:
    hint = "the disk is full" if error.errno == errno.ENOSPC else ""
    return OutputError(f"cannot keep the pulled blob {target}: {error.strerror}", hint=hint)
