"""The members that nearly every layer consists of, packed in few steps: small regular files with one name and
no attributes, whose owners are the kernel's."""

from __future__ import annotations

import os
import stat as stat_module

from ci_builder.rootfs import whiteout
from ci_builder.rootfs.ownership import KernelOwnership
from ci_builder.rootfs.paths import Directories
from ci_builder.rootfs.tar_writer import padding, plain_header
from ci_builder.rootfs.times import Times

READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
"""How a file is opened that is to be packed: whatever it has become meanwhile, nothing is waited for."""
_LARGE = 1 << 16
_TYPE, _REGULAR = 0o170000, stat_module.S_IFREG


class PlainFiles:
    """Those of one tree. ``still``: nobody writes to it meanwhile."""

    def __init__(self, directories: Directories, times: Times, *, still: bool) -> None:
        self._directories = directories
        self._times = times
        self._still = still
        self._is_possible = isinstance(directories.tree.ownership, KernelOwnership)
        self._folder: bytes | None = None
        self._parent = -1

    def forget(self) -> None:
        """Directories were asked for something else, and may have closed the folder of the last file."""
        self._folder = None

    def member(self, path: bytes) -> bytes | None:
        """Header, content and padding of the file at ``path``; None where it is anything else, or something
        about it has to be told. Raises OSError."""
        folder, _, name = path.rpartition(b"/")
        if not self._is_possible or name.startswith(whiteout.PREFIX):
            return None
        if folder != self._folder:
            place = self._directories.place(path)
            if place.path != path:
                return None
            self._folder, self._parent = folder, place.parent
        found = os.stat(name, dir_fd=self._parent, follow_symlinks=False)
        size = found.st_size
        if not 0 < size < _LARGE or found.st_nlink > 1 or found.st_mode & _TYPE != _REGULAR:
            return None
        seconds = self._times.of(found.st_mtime_ns) // 10**9
        header = plain_header(path, (found.st_mode, found.st_uid, found.st_gid), (size, seconds), b"0")
        # A long path has no such header: its file is not read here, to be read once more.
        content = self._content(name, found) if header is not None else None
        return b"".join((header, content, padding(size))) if header and content else None

    def _content(self, name: bytes, found: os.stat_result) -> bytes | None:
        size = found.st_size
        descriptor = os.open(name, READ, dir_fd=self._parent)
        try:
            if not self._still:
                opened = os.fstat(descriptor)
                if (opened.st_dev, opened.st_ino, opened.st_size) != (found.st_dev, found.st_ino, size):
                    return None
            if os.listxattr(descriptor):
                return None
            # One byte more shows that it grew.
            content = os.read(descriptor, size + 1)
        except OSError:
            return None
        finally:
            os.close(descriptor)
        return content if len(content) == size else None
