"""From what a call names to the file: mostly one openat2 by the kernel inside the image's root.

Component by component it goes (walk.py) where that cannot tell the whole truth: at mount points, in
/proc, for a path that is not there (a link in it may lead to one of those), and for contexts that
permissions hold back.
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat as stat_module
import struct

from ci_builder.executors.linux.architecture import of_this_machine
from ci_builder.executors.linux.calls import quick_library
from ci_builder.executors.supervisor.call import PATH_MAX, failure
from ci_builder.executors.supervisor.context import Context, Contexts
from ci_builder.executors.supervisor.found import Found, key_of, raw_stat
from ci_builder.executors.supervisor.view import View
from ci_builder.executors.supervisor.walk import Located, Walker
from ci_builder.rootfs.record import Key

CURRENT = -100  # AT_FDCWD
ELSEWHERE = -4096  # beyond every errno
_OPENAT2 = of_this_machine().calls["openat2"]
_READLINKAT = of_this_machine().calls["readlinkat"]
_NOWHERE = ctypes.create_string_buffer(1)
_HOW = struct.Struct("=QQQ")
_IN_ROOT, _NO_SYMLINKS, _BENEATH = 0x10, 0x04, 0x08
_PATH = os.O_PATH | os.O_CLOEXEC
_FOLLOW = _HOW.pack(_PATH, 0, _IN_ROOT)
_NO_FOLLOW = _HOW.pack(_PATH | os.O_NOFOLLOW, 0, _IN_ROOT)
_NO_LINKS = _HOW.pack(_PATH, 0, _IN_ROOT | _NO_SYMLINKS)
_EXACT = _HOW.pack(_PATH | os.O_NOFOLLOW, 0, _NO_SYMLINKS | _BENEATH)
_TO_READ = _HOW.pack(os.O_CLOEXEC, 0, _IN_ROOT)
_FORMAT = of_this_machine().stat_mode + 1  # the byte of st_mode that has the file's type in its upper half
_REGULAR = stat_module.S_IFREG >> 12
_MOST_REMEMBERED = 4096
_CORE = b"core"  # a name that the kernel makes itself (core(5))
_KERNELS = (b"/proc", b"/dev", b"/sys")
_PERHAPS_ELSEWHERE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EXDEV, errno.EAGAIN)
_syscall = quick_library().syscall


def _openat2(folder: int, path: bytes, how: bytes) -> int:
    descriptor: int = _syscall(_OPENAT2, folder, path, how, _HOW.size)
    if descriptor < 0:
        raise failure(ctypes.get_errno())
    return descriptor


class Lookup:
    """Finds files for calls. ``folder`` is a directory descriptor of the task or CURRENT."""

    def __init__(self, view: View, contexts: Contexts, walker: Walker) -> None:
        self._view = view
        self._contexts = contexts
        self._walker = walker
        self._roots = {b"": view.descriptor(view.root)}
        self._regular: set[bytes] = set()
        self._missing: set[bytes] = set()
        self._no_links: set[bytes] = set()

    def find(self, task: int, folder: int, path: bytes, *, follow: bool = True) -> Found:
        """The file that ``path`` means to ``task``. Raises OSError as open(2) would."""
        if not path:
            raise failure(errno.ENOENT)
        context = self._contexts.of(task)
        if context.ignores_permissions:
            found = self._at_once(context, task, (folder, path), follow)
            if found is not None:
                return found
        return self.found_at(self.locate(task, context, (folder, path), follow=follow))

    def open_again(self, path: bytes) -> tuple[int, Key] | None:
        """A descriptor to read and the key of the regular file that an absolute path led to before; None
        where it leads to anything else now, or did."""
        if path not in self._regular:
            return None
        descriptor: int = _syscall(_OPENAT2, self._roots[b""], path, _TO_READ, _HOW.size)
        if descriptor < 0:
            return None
        raw = raw_stat(descriptor)
        key = key_of(raw)
        if raw[_FORMAT] >> 4 == _REGULAR and key not in self._view.covered:
            return descriptor, key
        os.close(descriptor)
        return None

    def is_missing(self, context: Context, path: bytes) -> bool:
        """Whether the path is known not to be there."""
        return path in self._missing and context.ignores_permissions and not context.root

    def at_once(self, path: bytes, *, follow: bool, root: bytes = b"") -> int:
        """An O_PATH descriptor of what an absolute path leads to, for contexts with this ``root`` directory
        that ignore permissions; the negative errno that it fails with, or ELSEWHERE where only a walk can
        tell. Who asks has to see whether something lies over it. Raises OSError for a root that is gone."""
        if path.startswith(_KERNELS):
            return ELSEWHERE
        if path in self._missing and not root:
            return -errno.ENOENT
        how = _FOLLOW if follow else _NO_FOLLOW
        descriptor: int = _syscall(_OPENAT2, self._root(root), path, how, _HOW.size)
        if descriptor >= 0:
            return descriptor
        error = ctypes.get_errno()
        if error not in _PERHAPS_ELSEWHERE or (error == errno.ENOENT and self._is_simply_missing(root, path)):
            return -error
        return ELSEWHERE

    def is_no_link(self, path: bytes) -> bool:
        """Whether an absolute path is known to lead to something of the image that is no symbolic link."""
        return path in self._no_links

    def no_link(self, path: bytes) -> None:
        """It does so for contexts without a root directory."""
        if len(self._no_links) >= _MOST_REMEMBERED:
            self._no_links.clear()
        self._no_links.add(path)

    def opened(self, path: bytes) -> None:
        """The absolute path leads to a regular file of the image: see ``open_again``."""
        if len(self._regular) >= _MOST_REMEMBERED:
            self._regular.clear()
        self._regular.add(path)

    def name_made(self) -> None:
        """Somewhere there is a new name: what was missing may not be any longer."""
        self._missing.clear()

    def forget_paths(self) -> None:
        """Paths may lead elsewhere from now on: to a FIFO, which must not be opened just to see that; to
        another root directory."""
        self._regular.clear()
        self._no_links.clear()
        for root in [root for root in self._roots if root]:
            os.close(self._roots.pop(root))

    def parent(self, task: int, folder: int, path: bytes) -> tuple[Found, bytes]:
        """The directory that ``path`` is to be made or removed in, and the name there: ``.``, ``..`` or
        empty (the root) where the path ends so; slashes at its end are not part of it."""
        head, slash, name = path.rstrip(b"/").rpartition(b"/")
        if not path:
            raise failure(errno.ENOENT)
        if len(name) > 255:
            raise failure(errno.ENAMETOOLONG)
        if slash:
            return self.find(task, folder, head or b"/").need_directory(), name
        if path.startswith(b"/"):
            return self.find(task, folder, b"/"), b""
        return self._folder(task, folder), name

    def by_descriptor(self, task: int, descriptor: int) -> Found:
        """What the task has open as ``descriptor``. Raises OSError (EBADF)."""
        if descriptor == CURRENT:
            return Found(os.open(b"/proc/%d/cwd" % task, _PATH))
        try:
            return Found(os.open(b"/proc/%d/fd/%d" % (task, descriptor), _PATH))
        except FileNotFoundError as error:
            raise failure(errno.EBADF) from error

    def need_open(self, task: int, descriptor: int) -> None:
        """Raises OSError (EBADF) for a descriptor that was opened with O_PATH, or not at all: its link has no
        permissions then (proc(5))."""
        try:
            link = os.lstat(b"/proc/%d/fd/%d" % (task, descriptor))
        except FileNotFoundError as error:
            raise failure(errno.EBADF) from error
        if not link.st_mode & 0o700:
            raise failure(errno.EBADF)

    def base(self, task: int, folder: int) -> bytes:
        """The real path in the image of a directory that the task has open. Raises OSError (EBADF; ENOENT
        for one that was removed or lies outside)."""
        try:
            host = os.readlink(
                b"/proc/%d/cwd" % task if folder == CURRENT else b"/proc/%d/fd/%d" % (task, folder)
            )
        except FileNotFoundError as error:
            raise failure(errno.EBADF) from error
        place = self._view.place_of(host)
        if place is None:
            raise failure(errno.ENOTDIR if not host.startswith(b"/") else errno.ENOENT)
        return place

    def locate(
        self, task: int, context: Context, where: tuple[int, bytes], *, follow: bool, missing: bool = False
    ) -> Located:
        """Like ``find``, component by component; ``missing``: the last one need not be there."""
        folder, path = where
        if not path:
            raise failure(errno.ENOENT)
        if context.root:
            self._root(context.root)  # what is below is looked at by path
        start = b"" if path.startswith(b"/") else self.base(task, folder)
        return self._walker.locate(task, context, start, path, (follow, missing))

    def at_place(self, place: bytes) -> Found:
        """The file at a real path of the image (empty: its root). Raises OSError."""
        return self.found_at(Located(place, self._view.seen(place)))

    def found_at(self, located: Located) -> Found:
        """The file at a place that was located. Raises OSError."""
        return Found(self._open(located), located.place)

    def _open(self, located: Located) -> int:
        if located.follow:
            return os.open(located.follow, _PATH)
        seen = located.seen
        mount = self._view.descriptor(seen.mount.host)
        if not seen.rest:
            return os.dup(mount)
        return _openat2(mount, seen.rest, _EXACT)

    def _folder(self, task: int, folder: int) -> Found:
        return self.by_descriptor(task, folder).need_directory()

    def _at_once(self, context: Context, task: int, where: tuple[int, bytes], follow: bool) -> Found | None:
        """By one call; None where a walk has to tell."""
        folder, path = where
        if b"/" not in path and not (path == b".." and context.root):
            found = self._by_name(task, folder, path, follow)
            if found is not None:
                return found
        if not path.startswith(b"/"):
            return self._below(context, task, where, follow)
        return self._in_root(context, path, follow)

    def _in_root(self, context: Context, path: bytes, follow: bool) -> Found | None:
        """An absolute path of the image; None where a walk has to tell. Raises OSError."""
        descriptor = self.at_once(path, follow=follow, root=context.root)
        if descriptor == ELSEWHERE:
            return None
        if descriptor < 0:
            raise failure(-descriptor)
        return self._plain(Found(descriptor))

    def _plain(self, found: Found) -> Found | None:
        """``found`` unless a walk has to tell what is there."""
        if found.key in self._view.covered or found.key[0] == self._walker.proc_device:
            os.close(found.descriptor)
            return None
        return found

    def _below(self, context: Context, task: int, where: tuple[int, bytes], follow: bool) -> Found | None:
        """From the real path of an open directory on. Raises OSError."""
        if context.root:
            return None
        try:
            base = self.base(task, where[0])
        except OSError as error:
            if error.errno != errno.ENAMETOOLONG:
                raise
            return self._from_deep(task, where, follow)
        path = base + b"/" + where[1]
        if len(path) >= PATH_MAX:
            return self._from_deep(task, where, follow)
        return self._in_root(context, path, follow)

    def _from_deep(self, task: int, where: tuple[int, bytes], follow: bool) -> Found | None:
        """From a directory with whose path there is no room: by names alone, without links."""
        folder, path = where
        link = b"/proc/%d/cwd" % task if folder == CURRENT else b"/proc/%d/fd/%d" % (task, folder)
        start = os.open(link, _PATH)
        try:
            found = Found(_openat2(start, path, _EXACT))
            if follow and stat_module.S_ISLNK(found.mode):
                os.close(found.descriptor)
                return None
            return self._plain(found)
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ENOTDIR):
                raise
            return None
        finally:
            os.close(start)

    def _by_name(self, task: int, folder: int, name: bytes, follow: bool) -> Found | None:
        """A name in an open directory; None where it is a link to be followed, or may lead elsewhere."""
        found = Found(self._child(task, folder, name))
        if follow and stat_module.S_ISLNK(found.mode):
            os.close(found.descriptor)
            return None
        if name == b".." and self._is_outside(found):
            os.close(found.descriptor)
            return None
        return self._plain(found)

    def _is_outside(self, found: Found) -> bool:
        try:
            return self._view.place_of(os.readlink(found.path)) is None
        except OSError as error:
            # So deep that its path has no room: then the root is far above.
            return error.errno != errno.ENAMETOOLONG

    def _child(self, task: int, folder: int, name: bytes) -> int:
        """A name in an open directory, no link followed: never leads elsewhere."""
        if folder == CURRENT:
            return os.open(b"/proc/%d/cwd/%b" % (task, name), _PATH | os.O_NOFOLLOW)
        try:
            return os.open(b"/proc/%d/fd/%d/%b" % (task, folder, name), _PATH | os.O_NOFOLLOW)
        except FileNotFoundError:
            if os.path.lexists(b"/proc/%d/fd/%d" % (task, folder)):
                raise
            raise failure(errno.EBADF) from None

    def _is_simply_missing(self, root: bytes, path: bytes) -> bool:
        """Whether an absolute path is not there because it plainly has no such name (or its directory is
        missing): nothing that lies elsewhere is on the way."""
        plain = b"/." not in path and b"//" not in path and self._view.is_plain(root + path)
        if plain or self._stays_clear(root, path):
            # Programs look for many files that are not there: mostly no link is on the way.
            descriptor = _syscall(_OPENAT2, self._root(root), path, _NO_LINKS, _HOW.size)
            if descriptor >= 0:
                os.close(descriptor)
                return False
            if ctypes.get_errno() == errno.ENOENT:
                dumped = path.rpartition(b"/")[2].startswith(_CORE)
                if not root and not dumped and len(self._missing) < _MOST_REMEMBERED:
                    self._missing.add(path)
                return True
        head, _, name = path.rpartition(b"/")
        if not path.startswith(b"/") or not head or name in (b"", b".", b".."):
            return False
        folder = _syscall(_OPENAT2, self._root(root), head, _FOLLOW, _HOW.size)
        if folder < 0:
            return False
        try:
            if _syscall(_READLINKAT, folder, name, _NOWHERE, 1) >= 0 or ctypes.get_errno() != errno.ENOENT:
                return False
            return raw_key(folder) not in self._view.covered
        finally:
            os.close(folder)

    def _stays_clear(self, root: bytes, path: bytes) -> bool:
        """Whether the way of an absolute path leads through no mount point, if no link is on it."""
        parts: list[bytes] = []
        for name in path.split(b"/"):
            if name == b"..":
                del parts[-1:]
            elif name not in (b"", b"."):
                parts.append(name)
                if self._view.is_mount_point(root + b"/" + b"/".join(parts)):
                    return False
        return True

    def _root(self, root: bytes) -> int:
        """A context's root directory, known by its path. Raises OSError where that leads elsewhere by now:
        the directory was moved, and a link in its place may name anything out here."""
        descriptor = self._roots.get(root)
        if descriptor is None:
            descriptor = self._open(Located(root, self._view.seen(root)))
            self._roots[root] = descriptor
        return descriptor


def raw_key(descriptor: int) -> tuple[int, int]:
    """Device and inode of an open file."""
    found = os.fstat(descriptor)
    return found.st_dev, found.st_ino
