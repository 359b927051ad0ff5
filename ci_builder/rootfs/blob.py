"""A layer's blob: packed, hashed twice, compressed and written in one pass."""

from __future__ import annotations

import contextlib
import hashlib
import os
import queue
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from ci_builder.errors import OutputError
from ci_builder.oci.descriptor import Descriptor
from ci_builder.oci.digest import Digest
from ci_builder.oci.layer import Layer
from ci_builder.oci.media_types import layer_type
from ci_builder.progress import Progress, silent
from ci_builder.rootfs.changes import Change
from ci_builder.rootfs.compress import FEED, GZIP, Compression, Compressor
from ci_builder.rootfs.pack import Write, pack
from ci_builder.rootfs.times import KEPT, Times
from ci_builder.rootfs.tree import Tree
from ci_builder.rootfs.whiteout import MAX_PATH

_AHEAD = 3  # blocks that wait for the thread


def write_layer(  # noqa: PLR0913 (most are keywords)
    changes: Iterable[Change],
    tree: Tree,
    folder: Path,
    *,
    compression: Compression = GZIP,
    family: str = "oci",
    progress: Progress = silent,
    times: Times = KEPT,
) -> Layer:
    """Write the layer of ``changes``, read from ``tree``, to ``folder``: a file named by the hex digits
    of its digest, which appears there when it is whole.

    ``family`` (oci, docker) chooses the media type, ``times`` what times its files get. The same files
    give the same bytes. Raises OutputError.
    """

    def produce(write: Write) -> None:
        pack(changes, tree, write, progress, times, longest=MAX_PATH)

    return write_blob(produce, folder, compression, family)


def write_blob(
    produce: Callable[[Write], None], folder: Path, compression: Compression, family: str
) -> Layer:
    """Write the layer whose tar ``produce`` writes to what it is given, as ``write_layer`` does. Raises
    OutputError, and whatever ``produce`` raises."""
    compressor = Compressor(compression)
    with _temporary(folder) as (descriptor, temporary):
        blob = _Blob(descriptor, compressor, folder)
        try:
            produce(blob.write)
            digest, diff_id, size = blob.finish()
        finally:
            blob.stop()
        target = folder / digest.hex
        try:
            os.chmod(temporary, 0o644)
            os.replace(temporary, target)
        except OSError as error:
            raise _unwritable(folder, error) from error
    return Layer(
        Descriptor(layer_type(family, compression.name), digest, size), diff_id, _Opener(target).open
    )


class _Opener:
    """Opens the file of a blob. Bound to the path only, so that a Layer stays a small value."""

    __slots__ = ("_path",)

    def __init__(self, path: Path) -> None:
        self._path = path

    def open(self) -> BinaryIO:
        """The stored bytes. Raises OutputError when the file is gone."""
        try:
            return self._path.open("rb")
        except OSError as error:
            raise OutputError(f"cannot read the layer {self._path}: {error.strerror}") from error


class _Blob:
    """The sink of one layer's tar."""

    def __init__(self, descriptor: int, compressor: Compressor, folder: Path) -> None:
        self._descriptor = descriptor
        self._compressor = compressor
        self._folder = folder
        self._content = hashlib.sha256()
        self._stored = hashlib.sha256()
        self._size = 0
        self._gathered: list[bytes] = []
        self._waiting = 0
        self._blocks: queue.Queue[bytes | memoryview] = queue.Queue(_AHEAD)
        self._thread: threading.Thread | None = None
        self._error: BaseException | None = None
        self._begun = False

    def write(self, data: bytes) -> None:
        """Take a piece of the tar."""
        self._gathered.append(data)
        self._waiting += len(data)
        if self._waiting >= FEED:
            # What the compressor takes at once, so that it need not copy.
            joined = b"".join(self._gathered)
            whole = len(joined) - len(joined) % FEED
            self._take(memoryview(joined)[:whole])
            self._gathered = [joined[whole:]]
            self._waiting = len(joined) - whole

    def finish(self) -> tuple[Digest, Digest, int]:
        """Digest of the blob, diff ID, size of the blob."""
        self._flush()
        self.stop()
        if self._error is not None:
            raise self._error
        self._store(self._compressor.finish())
        return (
            Digest("sha256", self._stored.hexdigest()),
            Digest("sha256", self._content.hexdigest()),
            self._size,
        )

    def _flush(self) -> None:
        rest = b"".join(self._gathered)
        if rest:
            self._take(rest)
        self._gathered.clear()
        self._waiting = 0

    def stop(self) -> None:
        """Wait for the thread's end, if there is one."""
        if self._thread is not None:
            self._blocks.put(b"")
            self._thread.join()
            self._thread = None

    def _take(self, data: bytes | memoryview) -> None:
        """Hash and compress it; by a thread of its own from the second block on, while the next is read."""
        if self._error is not None:
            raise self._error
        if not self._begun:
            self._begun = True
            self._process(data)
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="layer", daemon=True)
            self._thread.start()
        self._blocks.put(data)

    def _run(self) -> None:
        while data := self._blocks.get():
            if self._error is None:
                try:
                    self._process(data)
                except BaseException as error:
                    self._error = error

    def _process(self, data: bytes | memoryview) -> None:
        self._content.update(data)
        self._store(self._compressor.compress(data))

    def _store(self, data: bytes) -> None:
        self._stored.update(data)
        self._size += len(data)
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(self._descriptor, view) :]
        except OSError as error:
            raise _unwritable(self._folder, error) from error


@contextlib.contextmanager
def _temporary(folder: Path) -> Iterator[tuple[int, str]]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(prefix=".layer-", dir=folder)
    except OSError as error:
        raise _unwritable(folder, error) from error
    try:
        yield descriptor, name
    finally:
        os.close(descriptor)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)


def _unwritable(folder: Path, error: OSError) -> OutputError:
    return OutputError(f"cannot write a layer to {folder}: {error.strerror or error}")
