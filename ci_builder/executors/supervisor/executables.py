"""What the kernel is given to execute in a program's place.

The kernel looks for a dynamic program's loader outside of the image. So it gets a copy of the program that
names the loader by its path out here; everything else of the copy is the program's. Copies are kept, by
inode and time of change, for the next exec.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import resource
import shutil
import stat as stat_module
from collections.abc import Callable

from ci_builder.executors.linux.architecture import Architecture
from ci_builder.executors.supervisor.call import failure
from ci_builder.executors.supervisor.context import Context
from ci_builder.executors.supervisor.elf import Interpreter, interpreter, with_interpreter
from ci_builder.executors.supervisor.found import Found, key_of, raw_stat_of, version_of
from ci_builder.rootfs.record import Key, Record, Records
from ci_builder.values import dataclass

_MOST_REMEMBERED = 4096
_MOST_HELD = 256
_SHARE_HELD = 4  # the part of the descriptors that the supervisor may have at once
_DELETED = b" (deleted)"  # what the kernel adds to a name that is gone
_Key = tuple[int, int, bytes, bytes]


@dataclass(frozen=True, slots=True)
class Remembered:
    """What was executed for a path: the file's ``key``, ``version`` and ``record``, its ``place`` in the
    image; and ``paths``: what ``executable`` gave for it, and that under the right name. ``itself`` is its
    own real path out here where no look-up is needed to get there again, else empty."""

    key: Key
    version: bytes
    record: Record | None
    place: bytes
    paths: tuple[bytes, bytes]
    itself: bytes = b""


@dataclass(frozen=True, slots=True)
class _Copy:
    """A copy at ``host`` of a program that has ``wanted`` as its loader, which was at ``loader`` out here."""

    host: bytes
    wanted: bytes
    loader: bytes


class Executables:
    """``folder`` is a private, empty folder on a file system that permits to execute; None of its content
    is the command's to see."""

    def __init__(self, folder: bytes, architecture: Architecture) -> None:
        self._folder = folder
        self._architecture = architecture
        self._numbers = itertools.count()
        self._copies: dict[_Key, _Copy] = {}
        self._versions: dict[tuple[Key, bytes], _Key] = {}
        self._checked: set[bytes] = set()
        self._places: dict[bytes, tuple[bytes, Key]] = {}
        self._originals: dict[bytes, tuple[int, bytes]] = {}
        self._most_held = min(_MOST_HELD, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // _SHARE_HELD)
        self._links: dict[tuple[bytes, bytes], bytes] = {}
        self._remembered: dict[tuple[bytes, int], Remembered] = {}

    def remember(self, asked: tuple[bytes, Context], what: Remembered) -> None:
        """For the next exec of the same absolute path in the same context."""
        if len(self._remembered) >= _MOST_REMEMBERED:
            self._remembered.clear()
        # Contexts are kept for ever (context.py): one's identity stands for it, and is quicker to hash.
        self._remembered[asked[0], id(asked[1])] = what

    def recall(self, asked: tuple[bytes, Context], program: Found, record: Record | None) -> bytes | None:
        """The path out here of the same exec before; None where there was none or something has changed."""
        what = self._remembered.get((asked[0], id(asked[1])))
        if what is None or what.record is not record:
            return None
        return self._recalled(what, program.key, program.version)

    def recall_at_once(self, asked: tuple[bytes, Context], records: Records) -> bytes | None:
        """The same without a look-up of the path, which led to a file of the image: only that is looked at,
        and has to be the one that it was."""
        what = self._remembered.get((asked[0], id(asked[1])))
        if what is None or not what.itself or records.get(what.key) is not what.record:
            return None
        try:
            raw = raw_stat_of(what.itself, follow=False)
        except OSError:
            return None
        return self._recalled(what, key_of(raw), version_of(raw))

    def _recalled(self, what: Remembered, key: Key, version: bytes) -> bytes | None:
        if what.key != key or what.version != version:
            return None
        copy, host = what.paths
        if copy in self._places:
            self._places[copy] = (what.place, what.key)
        return host

    def forget_paths(self) -> None:
        """Paths may lead to other places from now on: a name was moved, removed, or is a new link."""
        self._remembered.clear()
        self._checked.clear()

    def place_of(self, host: bytes) -> bytes | None:
        """The place in the image of the program whose copy is ``host``; None: that is no copy."""
        found = self.origin(host)
        return found[0] if found is not None else None

    def origin(self, host: bytes) -> tuple[bytes, Key] | None:
        """The same, with device and inode of the program."""
        return self._places.get(host) or self._places.get(host.removesuffix(_DELETED))

    def original(self, host: bytes) -> bytes | None:
        """A path of the supervisor that means the program itself whose copy is ``host``, moved or removed as
        it may be; None: there is none, or too many programs were executed since."""
        held = self._originals.get(host) or self._originals.get(host.removesuffix(_DELETED))
        return None if held is None else b"/proc/self/fd/%d" % held[0]

    def named(self, path: bytes, name: bytes) -> bytes:
        """A path out here that executes ``path`` under another name: the kernel calls the process by it."""
        if path.rpartition(b"/")[2] == name or not name:
            return path
        link = self._links.get((path, name))
        if link is None:
            folder = self._folder + b"/l%d" % next(self._numbers)
            os.mkdir(folder, 0o700)
            link = folder + b"/" + name
            os.symlink(path, link)
            self._links[path, name] = link
        return link

    def known(
        self, program: Found, place: bytes, root: bytes, loader: Callable[[bytes], bytes]
    ) -> bytes | None:
        """The copy of a program that was executed before from the same ``root``, None: there is none that
        can be used."""
        key = _key(program, root)
        copy = self._copies.get(key)
        if copy is None:
            return None
        if copy.host not in self._checked:
            if copy.wanted and loader(copy.wanted) != copy.loader:
                return None
            self._checked.add(copy.host)
        self._places[copy.host] = (place, program.key)
        return copy.host

    def executable(
        self, program: Found, names: tuple[bytes, bytes | None, bytes], loader: Callable[[bytes], bytes]
    ) -> bytes:
        """A path out here that executes ``program``. ``names``: its path in the image; its own path out here,
        None where it has none (it was removed); and the root that it is executed from. ``loader`` tells the
        path out here of one inside. Raises OSError (ENOEXEC; ENOENT for a missing loader …)."""
        place, host, root = names
        descriptor = os.open(program.path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            wanted = interpreter(descriptor, self._architecture)
            if wanted is None and host is not None and program.mode & stat_module.S_IXUSR:
                return host
            path = loader(wanted.path) if wanted is not None else b""
            made = self._copy(descriptor, place, wanted, path)
        finally:
            os.close(descriptor)
        self._replace_earlier(program, root)
        self._copies[_key(program, root)] = _Copy(made, wanted.path if wanted is not None else b"", path)
        self._places[made] = (place, program.key)
        self._hold(made, program)
        return made

    def _hold(self, copy: bytes, program: Found) -> None:
        if len(self._originals) >= self._most_held:
            self._release_one()
        if len(self._originals) < self._most_held:
            with contextlib.suppress(OSError):
                self._originals[copy] = (os.dup(program.descriptor), os.readlink(program.path))

    def _release_one(self) -> None:
        """The first that lies where it did: its name tells of it, too."""
        for copy, (held, host) in self._originals.items():
            if os.readlink(b"/proc/self/fd/%d" % held) == host:
                os.close(held)
                del self._originals[copy]
                return

    def _replace_earlier(self, program: Found, root: bytes) -> None:
        """A copy of the same file, as it was before, takes room for nothing."""
        file = (program.key, root)
        earlier = self._versions.get(file)
        self._versions[file] = _key(program, root)
        copy = self._copies.pop(earlier, None) if earlier is not None else None
        if copy is not None:
            os.unlink(copy.host)

    def _copy(self, descriptor: int, place: bytes, wanted: Interpreter | None, path: bytes) -> bytes:
        folder = self._folder + b"/%d" % next(self._numbers)
        copy = folder + b"/" + (place.rpartition(b"/")[2] or b"program")
        os.mkdir(folder, 0o700)
        try:
            with open(copy, "w+b", buffering=0) as target, open(descriptor, "rb", closefd=False) as source:
                shutil.copyfileobj(source, target, 1 << 20)
                if wanted is not None:
                    with_interpreter(target.fileno(), wanted, path)
                os.fchmod(target.fileno(), 0o500)
        except OSError:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(copy)
            os.rmdir(folder)
            raise
        return copy


def _key(program: Found, root: bytes) -> _Key:
    return (*program.key, program.version, root)


def script_line(head: bytes) -> list[bytes] | None:
    """Interpreter and at most one argument of a ``#!`` line (execve(2)); None: there is none. ``head`` are
    a file's first 256 bytes. Raises OSError (ENOEXEC)."""
    if not head.startswith(b"#!"):
        return None
    line, newline, _ = head[2:].partition(b"\n")
    if not newline and len(head) == 256 and not line.strip(b" \t").count(b" "):
        raise failure(errno.ENOEXEC)
    words = line.split(b"\0")[0].strip(b" \t").replace(b"\t", b" ").split(b" ", 1)
    if not words[0]:
        raise failure(errno.ENOEXEC)
    return [word.strip(b" ") for word in words]
