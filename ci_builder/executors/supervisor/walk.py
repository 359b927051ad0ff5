"""Following a path component by component, as path_resolution(7) says, through mounts and /proc."""

from __future__ import annotations

import errno
import os
import stat as stat_module

from ci_builder.executors.supervisor.call import failure
from ci_builder.executors.supervisor.context import Context
from ci_builder.executors.supervisor.owners import Owners
from ci_builder.executors.supervisor.permissions import EXECUTE, need
from ci_builder.executors.supervisor.proc_links import ProcLinks
from ci_builder.executors.supervisor.view import Seen, View
from ci_builder.values import dataclass, replace

_MAX_LINKS = 40


@dataclass(frozen=True, slots=True)
class Located:
    """Where a path ends: its real ``place`` in the image and what is ``seen`` there. ``follow``: a path of
    the supervisor to open instead, of a link that only the kernel can follow. ``link``: the text of a
    symbolic link of /proc that reads differently for the command."""

    place: bytes
    seen: Seen
    follow: bytes = b""
    link: bytes | None = None


class Walker:
    """Locates paths in ``view``; ``owners`` and ``links`` know what the kernel does not."""

    def __init__(self, view: View, owners: Owners, links: ProcLinks) -> None:
        self._view = view
        self._owners = owners
        self._links = links
        self.proc_device = os.lstat(b"/proc").st_dev

    def locate(
        self, task: int, context: Context, start: bytes, path: bytes, how: tuple[bool, bool]
    ) -> Located:
        """Where ``path``, from the real path ``start``, leads ``task``; ``how``: whether a link at the end is
        followed, and whether the last component may be missing. Raises OSError."""
        follow, missing = how
        current = context.root if path.startswith(b"/") else start
        pending = path.split(b"/")[::-1]
        wants_directory = path.endswith((b"/", b"/.", b"/..")) or path in (b".", b"..")
        links = 0
        located, status = self._known(current)
        while pending:
            name = pending.pop()
            if name or any(pending):
                self._enter(context, located, status)
            if name in (b"", b"."):
                continue
            if name == b"..":
                located, status = self._known(_above(located.place, context.root))
                continue
            last = not any(pending)
            located, status = self._step(task, located.place + b"/" + name, missing and last)
            if status is None or not stat_module.S_ISLNK(status.st_mode):
                continue
            if last and (not (follow or wants_directory) or located.follow):
                return replace(located, follow=located.follow if follow else b"")
            links += 1
            if links > _MAX_LINKS:
                raise failure(errno.ELOOP)
            target = self._target(located)
            pending += target.split(b"/")[::-1]
            from_root = b"" if located.follow else context.root
            located, status = self._known(from_root if target[:1] == b"/" else _above(located.place, b""))
        if wants_directory and status is not None and not stat_module.S_ISDIR(status.st_mode):
            raise failure(errno.ENOTDIR)
        return located

    def _target(self, located: Located) -> bytes:
        if located.follow:
            return self._links.directory(located.follow)
        return located.link if located.link is not None else os.readlink(located.seen.host)

    def _known(self, place: bytes) -> tuple[Located, os.stat_result | None]:
        located = self._at(place)
        return located, self._status(located)

    def _step(self, task: int, place: bytes, missing: bool) -> tuple[Located, os.stat_result | None]:
        located = self._at(place)
        if place.startswith(b"/proc/") and located.seen.mount.place == b"/proc":
            link = self._links.of(task, place)
            if link is not None:
                located = Located(place, located.seen, link.follow, link.text)
        try:
            return located, self._status(located)
        except FileNotFoundError:
            if not missing:
                raise
            return located, None

    def _at(self, place: bytes) -> Located:
        return Located(place, self._view.seen(place))

    def _status(self, located: Located) -> os.stat_result:
        return os.lstat(located.seen.host)

    def _enter(self, context: Context, located: Located, status: os.stat_result | None) -> None:
        if status is None:
            raise failure(errno.ENOENT)
        if not stat_module.S_ISDIR(status.st_mode):
            raise failure(errno.ENOTDIR)
        if located.seen.mount.recorded and not context.ignores_permissions:
            need(context, self._owners.of_status(status), EXECUTE)


def _above(place: bytes, root: bytes) -> bytes:
    """The directory above; a root has none."""
    return place if place == root else place.rpartition(b"/")[0]
