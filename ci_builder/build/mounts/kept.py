"""Caches of RUN --mount that survive: brought from a registry when a command first wants one that is empty,
and sent there after the build (issue 5). What goes wrong is told, and fails no build."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

from ci_builder.build.warning import warning
from ci_builder.cache.limits import FRESH
from ci_builder.cache.mounts import MountName, MountRecord, MountRecords
from ci_builder.cache.mounts_registry import RegistryMounts
from ci_builder.errors import CiBuilderError, OutputError, RegistryError
from ci_builder.progress import Notice, Progress
from ci_builder.rootfs.apply import apply_layers
from ci_builder.rootfs.blob import write_layer
from ci_builder.rootfs.export import every_path
from ci_builder.rootfs.root_folder import own_folder
from ci_builder.rootfs.tree import Tree
from ci_builder.values import dataclass, replace

_GONE = 404
_MAKE_ROOM = "remove what nobody uses with prune --cache-repo … --unused-for 7d, or allow more"

Reading = Callable[[], contextlib.AbstractContextManager[Tree | None]]
"""Opens the files of a cache for reading; None: somebody else changes them now."""


class Kept(Protocol):
    """Where caches come from and go to."""

    def bring(self, name: MountName, tree: Tree) -> bool:
        """Fill ``tree``, which is empty, with what is kept of the cache; whether there was anything. After
        OSError or CiBuilderError, what is in ``tree`` is of no use."""

    def used(self, name: MountName, sharing: str, reading: Reading) -> None:
        """A command has had the cache."""

    def send(self) -> None:
        """Keep what was used and has changed."""


class NotKept:
    """Caches stay on this machine."""

    def bring(self, name: MountName, tree: Tree) -> bool:
        """See Kept."""
        return False

    def used(self, name: MountName, sharing: str, reading: Reading) -> None:
        """See Kept."""

    def send(self) -> None:
        """See Kept."""


NOT_KEPT = NotKept()


@dataclass(frozen=True, slots=True)
class MountPlaces:
    """``sources`` are read in their order, ``targets`` written; ``limit``: bytes that the files of all caches
    of a target may have."""

    sources: tuple[RegistryMounts, ...] = ()
    targets: tuple[RegistryMounts, ...] = ()
    limit: int = 0


@dataclass(frozen=True, slots=True)
class _Content:
    """What the files of a cache are: a digest of names, contents' sizes and times, owners; their bytes, and
    how many there are. ``folder``: see MountRecord."""

    state: str
    size: int
    count: int
    folder: tuple[int, int, int]


class KeptCaches:
    """See Kept; ``blobs`` is a folder for new layers, ``now`` gives seconds since 1970. Thread-safe but for
    ``send``."""

    def __init__(self, places: MountPlaces, blobs: Path, progress: Progress, now: Callable[[], int]) -> None:
        self._places = places
        self._blobs = blobs
        self._progress = progress
        self._now = now
        self._lock = threading.Lock()
        self._read: Sequence[tuple[RegistryMounts, MountRecords]] | None = None
        self._used: dict[MountName, tuple[str, Reading]] = {}
        self._unread: set[str] = set()
        self._not_brought: set[MountName] = set()

    def bring(self, name: MountName, tree: Tree) -> bool:
        """See Kept."""
        found = self._find(name)
        if found is None:
            return False
        place, record = found
        try:
            apply_layers((record.layer,), tree)
        except RegistryError as error:
            if error.status != _GONE:
                self._not_brought.add(name)
            raise
        if record.folder is not None:
            own_folder(tree, *record.folder)
        self._tell("info", f"the cache {name.id} comes from {place}: {record.size:,} bytes")
        return True

    def used(self, name: MountName, sharing: str, reading: Reading) -> None:
        """See Kept."""
        with self._lock:
            self._used[name] = (sharing, reading)

    def send(self) -> None:
        """See Kept."""
        if not self._used:
            return
        for place in self._places.targets:
            if str(place) in self._unread:
                self._tell("warning", f"caches are not kept at {place}: what is there was not brought")
                continue
            try:
                records = tuple(self._changed(place, place.read()))
                if records:
                    place.write(records)
            except (CiBuilderError, OSError) as error:
                self._tell("warning", f"caches are not kept at {place}: {error}")

    def _find(self, name: MountName) -> tuple[RegistryMounts, MountRecord] | None:
        with self._lock:
            if self._read is None:
                self._read = list(self._read_all())
        for place, records in self._read:
            record = records.get(name)
            if record is not None:
                return place, record
        return None

    def _read_all(self) -> Iterator[tuple[RegistryMounts, MountRecords]]:
        for place in self._places.sources:
            try:
                yield place, place.read()
            except CiBuilderError as error:
                self._unread.add(str(place))
                self._tell("warning", f"caches do not come from {place}: {error}")

    def _changed(self, place: RegistryMounts, there: MountRecords) -> Iterator[MountRecord]:
        sizes = {item.name: item.size for item in there.all}
        for name, (sharing, reading) in self._used.items():
            if name in self._not_brought and there.get(name) is not None:
                # It began empty by mischance: what is there is worth more.
                self._tell("warning", f"the cache {name.id} is not kept at {place}: it was not brought")
                continue
            others = sum(size for other, size in sizes.items() if other != name)
            try:
                record = self._now_in(name, reading, there.get(name), self._places.limit - others)
            except (CiBuilderError, OSError) as error:
                self._progress(warning(f"the cache {name.id} is not kept at {place}", error))
                continue
            if record is not None:
                sizes[name] = record.size
                yield replace(record, sharing=sharing)

    def _now_in(
        self, name: MountName, reading: Reading, before: MountRecord | None, room: int
    ) -> MountRecord | None:
        """What is to be written of a cache, for which there are so many bytes of ``room``; None where nothing
        has to be. Raises CiBuilderError, OSError."""
        with reading() as tree:
            if tree is None:
                self._tell("info", f"the cache {name.id} is in use by another build, and not kept")
                return None
            content = _content_of(tree)
            if content.size > room:
                limit = self._places.limit
                others = f", {limit - room:,} of which others there have" if room < limit else ""
                text = f"it has {content.size:,} bytes, and all may have {limit:,}{others}"
                raise OutputError(text, hint=_MAKE_ROOM)
            return self._record(name, before, content, tree)

    def _record(
        self, name: MountName, before: MountRecord | None, content: _Content, tree: Tree
    ) -> MountRecord | None:
        """What is to be written; None where nothing has changed."""
        now = self._now()
        if before is not None and before.state == content.state:
            return replace(before, used=now) if now - before.used >= FRESH else None
        found = self._find(name) if before is None else None
        if found is not None and found[1].state == content.state:
            return replace(found[1], used=now)
        if before is None and found is None and not content.count:
            return None
        layer = write_layer(every_path(tree), tree, self._blobs)
        text = f"the cache {name.id} is kept: {content.size:,} bytes, {layer.descriptor.size:,} compressed"
        self._tell("info", text)
        # Of two contents the later one stays: what was made of another is later, within one second as well.
        made = now if before is None else max(now, before.made + 1)
        times = made, max(now, made)
        return MountRecord(name, layer, "", content.state, content.size, *times, content.folder)

    def _tell(self, level: str, text: str) -> None:
        self._progress(Notice("warning" if level == "warning" else "info", text))


def _content_of(tree: Tree) -> _Content:
    """Two states are one if a layer of them would be the same, but for times of folders, and for contents
    that changed within a second and kept their size. Raises OSError."""
    hasher = hashlib.sha256()
    total = count = 0
    seen: set[tuple[int, int]] = set()
    own = tree.ownership.status(os.lstat(tree.root))
    folder = (own.uid, own.gid, stat.S_IMODE(own.mode))
    hasher.update(b"%d %d %o\0\0" % folder)
    for path in sorted(change.path for change in every_path(tree)):
        full = os.path.join(os.fsencode(tree.root), path)
        found = os.lstat(full)
        status = tree.ownership.status(found)
        parts = [path, b"%o %d %d" % (status.mode, status.uid, status.gid)]
        if stat.S_ISREG(status.mode):
            parts.append(b"%d %d" % (status.size, status.mtime_ns // 10**9))
            if status.key not in seen:
                seen.add(status.key)
                total += status.size
        elif stat.S_ISLNK(status.mode):
            parts.append(os.readlink(full))
        hasher.update(b"\0".join(parts) + b"\0\0")
        count += 1
    return _Content(hasher.hexdigest(), total, count, folder)
