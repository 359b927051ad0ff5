"""What a command sees where: the image's root folder, and what lies over it at mount points."""

from __future__ import annotations

import os
from collections.abc import Sequence

from ci_builder.rootfs.record import Key
from ci_builder.values import dataclass


@dataclass(frozen=True, slots=True)
class Mount:
    """``host`` (a real path of these surroundings) is seen at ``place`` (a real path of the image without
    trailing slash). ``recorded``: owners and permissions of its files are the record's, else the kernel's.
    ``read_only``: a command cannot change them."""

    place: bytes
    host: bytes
    recorded: bool = False
    read_only: bool = False


@dataclass(frozen=True, slots=True)
class Seen:
    """A file in the view: ``rest`` below ``mount``'s host path (empty: that itself)."""

    mount: Mount
    rest: bytes

    @property
    def host(self) -> bytes:
        """Its path in these surroundings."""
        return self.mount.host + b"/" + self.rest if self.rest else self.mount.host


class View:
    """``root`` is the image's folder, a real path; a mount lies over what earlier ones show. Every
    mount's place exists there."""

    def __init__(self, root: bytes, mounts: Sequence[Mount]) -> None:
        self._root = Mount(b"", root, recorded=True)
        self._places: dict[bytes, Mount] = {}
        self._hosts = {root: self._root}
        self._descriptors: dict[bytes, int] = {}
        # What lies under mount points, by device and inode: finding one of these means to look closer.
        self.covered: dict[Key, bytes] = {}
        for mount in mounts:
            found = os.lstat(self.seen(mount.place).host)
            self.covered[found.st_dev, found.st_ino] = mount.place
            self._places[mount.place] = mount
            self._hosts[mount.host] = mount
        self._starts = tuple(self._places)
        self.has_read_only = any(mount.read_only for mount in mounts)

    @property
    def root(self) -> bytes:
        """The image's folder."""
        return self._root.host

    def is_mount_point(self, path: bytes) -> bool:
        """Whether something is mounted at the image's real path."""
        return path in self._places

    def is_read_only(self, host: bytes) -> bool:
        """Whether a real path of these surroundings lies in what a command cannot change."""
        mount = self.mount_of(host)
        return mount is not None and mount.read_only

    def mount_of(self, host: bytes) -> Mount | None:
        """What a real path of these surroundings lies in; None: it cannot be seen."""
        end = len(host)
        while end > 0:
            mount = self._hosts.get(host[:end])
            if mount is not None:
                return mount
            end = host.rfind(b"/", 0, end)
        return None

    def has_mounts_below(self, host: bytes) -> bool:
        """Whether something is mounted in the folder with a real path of these surroundings."""
        place = self.place_of(host)
        return place is not None and any(start.startswith(place + b"/") for start in self._starts)

    def is_plain(self, path: bytes) -> bool:
        """Whether a path without links, ``.`` and ``..`` stays below all mount points."""
        return not path.startswith(self._starts)

    def seen(self, path: bytes) -> Seen:
        """What is at a real path of the image (absolute, no trailing slash; empty: its root)."""
        end = len(path)
        while end > 0:
            mount = self._places.get(path[:end])
            if mount is not None:
                return Seen(mount, path[end + 1 :])
            end = path.rfind(b"/", 0, end)
        return Seen(self._root, path[1:])

    def place_of(self, host: bytes) -> bytes | None:
        """The image's real path of a real path of these surroundings; None: it cannot be seen."""
        mount = self.mount_of(host)
        return None if mount is None else mount.place + host[len(mount.host) :]

    def descriptor(self, host: bytes) -> int:
        """An O_PATH descriptor of a mount's host path, kept open. Raises OSError."""
        found = self._descriptors.get(host)
        if found is None:
            found = os.open(host, os.O_PATH | os.O_CLOEXEC)
            self._descriptors[host] = found
        return found
