"""Contexts that are tar archives: unpacked into a folder of their own, never outside of it.

Compression (gzip, bzip2, xz, zstd or none) is told by the first bytes. The archive is read once, as a
stream. Owners are not kept: files of a context belong to root in the image (docker does the same).
"""

from __future__ import annotations

import bz2
import errno
import gzip
import io
import lzma
import os
import stat
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tarfile import HeaderError, ReadError
from typing import BinaryIO, cast

import zstandard

from ci_builder.errors import ContextError
from ci_builder.packed import Sorter

_BLOCK = 1 << 20
_PEEK = 512
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_BROKEN = (tarfile.TarError, EOFError, zlib.error, lzma.LZMAError, zstandard.ZstdError, ValueError)


class Peekable(io.RawIOBase):
    """A stream whose first bytes can be looked at before it is read."""

    def __init__(self, stream: BinaryIO) -> None:
        super().__init__()
        self._stream = stream
        self._head = b""

    def peek(self, size: int = _PEEK) -> bytes:
        """Up to ``size`` bytes from the front, left in the stream."""
        while len(self._head) < size and (more := self._stream.read(size - len(self._head))):
            self._head += more
        return self._head[:size]

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        if not self._head:
            return self._stream.read(size)
        if size < 0:
            head, self._head = self._head, b""
            return head + self._stream.read()
        head, self._head = self._head[:size], self._head[size:]
        return head


def is_archive(head: bytes) -> bool:
    """Whether ``head``, the first 512 bytes of a file, are those of a tar or of a compressed file."""
    return _compression(head) != "none" or head[257:262] == b"ustar" or _has_tar_checksum(head)


def unpack(stream: Peekable, folder: Path, name: str) -> int:
    """Unpack the tar in ``stream`` into ``folder``, which is empty. Returns the time of its newest entry
    in seconds since 1970.

    Raises ContextError for a broken archive and for an entry that would leave the folder or is a device.
    """
    try:
        with _decompressed(stream) as plain:
            with _Archive.open(fileobj=plain, mode="r|", tarinfo=_Entry) as tar:
                newest = _unpack_entries(tar, folder, name)
            # To the very end: the check sums are there, and who writes to standard input is not cut off.
            while plain.read(_BLOCK):
                pass
    except OSError as error:
        raise ContextError(f"{name} cannot be unpacked: {error.strerror or error}") from error
    except _BROKEN as error:
        raise ContextError(f"{name} is not a complete tar archive: {error}") from error
    return newest


class _Archive(tarfile.TarFile):
    members: list[tarfile.TarInfo]
    """tarfile keeps every entry here; nothing asks for an earlier one when it is read as a stream."""


class _Entry(tarfile.TarInfo):
    """Makes a damaged header in the middle an error; tarfile takes it for the end of the archive."""

    @classmethod
    def fromtarfile(cls, tarfile: tarfile.TarFile) -> _Entry:
        try:
            return super().fromtarfile(tarfile)
        except HeaderError as error:
            if type(error).__name__ in ("EOFHeaderError", "EmptyHeaderError"):
                raise
            raise ReadError(f"damaged header: {error}") from error


@contextmanager
def _decompressed(stream: Peekable) -> Iterator[BinaryIO]:
    kind = _compression(stream.peek())
    source = cast(BinaryIO, stream)
    if kind == "gzip":
        with gzip.GzipFile(fileobj=source, mode="rb") as plain:
            yield cast(BinaryIO, plain)
    elif kind == "bzip2":
        with bz2.BZ2File(source) as plain_bz2:
            yield cast(BinaryIO, plain_bz2)
    elif kind == "xz":
        with lzma.LZMAFile(source) as plain_xz:
            yield cast(BinaryIO, plain_xz)
    elif kind == "zstd":
        with zstandard.ZstdDecompressor().stream_reader(source, read_across_frames=True) as plain_zstd:
            yield cast(BinaryIO, plain_zstd)
    else:
        yield source


_MAGIC = (
    (b"\x1f\x8b", "gzip"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
)


def _compression(head: bytes) -> str:
    return next((name for magic, name in _MAGIC if head.startswith(magic)), "none")


def _has_tar_checksum(head: bytes) -> bool:
    # Archives older than POSIX have no magic, only a checksum over the header with itself as spaces.
    field = head[148:156].strip(b" \0")
    if len(head) < _PEEK or not field or field.strip(b"01234567"):
        return False
    return int(field, 8) == sum(head[:148]) + 8 * ord(" ") + sum(head[156:512])


def _unpack_entries(tar: _Archive, folder: Path, name: str) -> int:
    folders = _Folders()
    newest = 0
    root = os.open(folder, _FOLDER)
    try:
        while (entry := tar.next()) is not None:
            tar.members.clear()
            path = _safe_path(entry.name, name)
            newest = max(newest, int(entry.mtime))
            if entry.isdir():
                os.close(_enter(root, path, entry.name))
                folders.add(path, entry)
            elif path:
                _unpack_entry(tar, entry, root, path)
        folders.finish(root)
    finally:
        os.close(root)
    return newest


class _Folders:
    """What becomes of the folders in the end, when nothing is put into them any more."""

    def __init__(self) -> None:
        self._later = Sorter()
        self._count = 0

    def add(self, path: bytes, entry: tarfile.TarInfo) -> None:
        """Keep what ``entry`` says of ``path``."""
        self._count += 1
        kept = (path.replace(b"/", b"\0"), self._count, stat.S_IMODE(entry.mode), _times(entry)[0])
        self._later.add(b"%s\0\0%010d %d %d" % kept)

    def finish(self, root: int) -> None:
        """Permissions and times, the deepest folders first; of one that came again the last ones."""
        done: bytes | None = None
        for item in reversed(self._later.packed()):
            joined, _, rest = item.rpartition(b"\0\0")
            path = joined.replace(b"\0", b"/")
            if path != done:
                done = path
                _, mode, time = map(int, rest.split())
                _finish_folder(root, path, mode, time)


def _safe_path(text: str, name: str) -> bytes:
    parts = [part for part in os.fsencode(text).split(b"/") if part not in (b"", b".")]
    if b".." in parts:
        raise ContextError(f"{name}: the entry {text!r} leads outside of the context")
    return b"/".join(parts)


def _enter(root: int, path: bytes, shown: str) -> int:
    """A descriptor of the folder ``path``, made where it is missing; no symbolic link is followed."""
    here = os.dup(root)
    try:
        for part in path.split(b"/") if path else []:
            with suppress(FileExistsError):
                os.mkdir(part, 0o755, dir_fd=here)
            try:
                there = os.open(part, _FOLDER, dir_fd=here)
            except OSError as error:
                if error.errno not in (errno.ENOTDIR, errno.ELOOP):
                    raise
                raise ContextError(f"the archive goes through what is no folder: {shown!r}") from error
            os.close(here)
            here = there
    except BaseException:
        os.close(here)
        raise
    return here


def _unpack_entry(tar: tarfile.TarFile, entry: tarfile.TarInfo, root: int, path: bytes) -> None:
    above, _, last = path.rpartition(b"/")
    parent = _enter(root, above, entry.name)
    try:
        _make_room(parent, last)
        if entry.isreg():
            _write_file(tar, entry, parent, last)
        elif entry.issym():
            os.symlink(os.fsencode(entry.linkname), last, dir_fd=parent)
        elif entry.islnk():
            _link(entry, root, parent, last)
        elif entry.isfifo():
            os.mkfifo(last, entry.mode & 0o7777, dir_fd=parent)
        else:
            raise ContextError(f"the archive holds {entry.name!r}, which is neither file, folder nor link")
        if not entry.islnk():
            os.utime(last, ns=_times(entry), dir_fd=parent, follow_symlinks=False)
    finally:
        os.close(parent)


def _make_room(parent: int, last: bytes) -> None:
    try:
        os.unlink(last, dir_fd=parent)
    except FileNotFoundError:
        pass
    except IsADirectoryError as error:
        raise ContextError(f"the archive replaces the folder {os.fsdecode(last)!r} by a file") from error


def _write_file(tar: tarfile.TarFile, entry: tarfile.TarInfo, parent: int, last: bytes) -> None:
    source = tar.extractfile(entry)
    with open(os.open(last, _NEW_FILE, 0o600, dir_fd=parent), "wb") as target:
        while source is not None and (block := source.read(_BLOCK)):
            target.write(block)
        target.flush()
        os.fchmod(target.fileno(), entry.mode & 0o7777)


def _link(entry: tarfile.TarInfo, root: int, parent: int, last: bytes) -> None:
    target = _safe_path(entry.linkname, "the archive")
    above, _, name = target.rpartition(b"/")
    holder = _enter(root, above, entry.linkname)
    try:
        os.link(name, last, src_dir_fd=holder, dst_dir_fd=parent, follow_symlinks=False)
    except FileNotFoundError as error:
        raise ContextError(
            f"the archive links {entry.name!r} to {entry.linkname!r}, which it lacks"
        ) from error
    finally:
        os.close(holder)


def _finish_folder(root: int, path: bytes, mode: int, time: int) -> None:
    descriptor = _enter(root, path, os.fsdecode(path))
    try:
        os.fchmod(descriptor, mode)
        os.utime(descriptor, ns=(time, time))
    finally:
        os.close(descriptor)


def _times(entry: tarfile.TarInfo) -> tuple[int, int]:
    # A PAX time is a decimal fraction that a float would round: the text itself is exact.
    seconds, _, fraction = str(entry.pax_headers.get("mtime", entry.mtime)).partition(".")
    try:
        nanoseconds = int(seconds) * 10**9 + int((fraction + "000000000")[:9])
    except ValueError:
        nanoseconds = 0
    return (nanoseconds, nanoseconds)
