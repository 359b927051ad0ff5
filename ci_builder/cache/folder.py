"""A cache in a folder: an OCI layout with one image for each scope."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator, Set
from pathlib import Path

from ci_builder.cache.records import Records, need_cache, records_in, records_of
from ci_builder.errors import ImageError, OutputError
from ci_builder.layout.reader import (
    LAYOUT,
    REF_NAME,
    UnknownLayout,
    blob_path,
    read_blob,
    read_image,
    read_index,
)
from ci_builder.layout.upkeep import blobs_of, remove_unnamed
from ci_builder.layout.verified import open_verified
from ci_builder.layout.writer import write_image
from ci_builder.oci.descriptor import Descriptor
from ci_builder.oci.digest import Digest
from ci_builder.oci.image import Image
from ci_builder.oci.layer import Layer
from ci_builder.oci.platform import Platform
from ci_builder.values import dataclass

LOCK = ".cache-lock"
_BLOCK = 1 << 20
_READINGS = 5

NAMES = ("blobs", "index.json", LAYOUT, LOCK)
"""What a cache has in its folder."""


@dataclass(frozen=True, slots=True)
class FolderCache:
    """The image called ``tag`` in the layout in ``folder``, which is made when it is not there."""

    folder: Path
    tag: str
    platform: Platform

    def __str__(self) -> str:
        """The folder and the tag."""
        return f"{self.folder}:{self.tag}"

    def read(self) -> Records:
        """As ``Cache.read``. Another build that writes to it meanwhile removes what was there before: then
        what is there now is read."""
        for _ in range(_READINGS - 1):
            with contextlib.suppress(ImageError):
                return records_of(self._image())
        return records_of(self._image())

    def _image(self) -> Image | None:
        if not os.path.exists(self.folder / "index.json"):
            return None
        if not any(_name(entry) == self.tag for entry in read_index(self.folder).manifests):
            return None
        return read_image(self.folder, self.tag, self.platform)

    def _there(self) -> Records:
        """What is there is replaced when it cannot be read, if the folder is a layout: only a cache is
        lost."""
        try:
            return records_in(self._image(), str(self))
        except ImageError:
            for entry in self._entries():
                if _name(entry) == self.tag:
                    with contextlib.suppress(ImageError):
                        need_cache(read_blob(self.folder, entry), str(self))
            return Records()

    def _entries(self) -> tuple[Descriptor, ...]:
        """Of what is to be written to: it is a layout, or not there yet."""
        try:
            there = os.path.exists(self.folder / "index.json")
            return read_index(self.folder).manifests if there else ()
        except ImageError as error:
            raise OutputError(str(error), hint="remove it, or give the cache another folder") from error

    def has(self, layer: Layer) -> bool:
        """As ``Cache.has``."""
        try:
            found = blob_path(self.folder, layer.descriptor.digest).stat()
        except OSError:
            return False
        return found.st_size == layer.descriptor.size

    def keep(self, layer: Layer) -> None:
        """Everything is written at once, at the end."""

    def write(self, records: Records, oldest: int = 0, doubted: Set[Descriptor] = frozenset()) -> None:
        """As ``Cache.write``."""
        with locked(self.folder):
            self._begin_anew()
            self._give_up(doubted)
            there = self._there()
            kept = Records(tuple(item for item in there.used_since(oldest) if self.has(item.layer)))
            wanted = kept.merged(records)
            if wanted != there or len(kept) != len(there):
                former = self._former()
                write_image(self.folder, wanted.to_image(self.platform, self.tag), [(self.tag, self.tag)])
                with contextlib.suppress(ImageError):
                    remove_unnamed(self.folder, former)

    def _begin_anew(self) -> None:
        """A layout that is broken as a whole is of no use to anybody; nothing but caches may be in its
        folder, or it is left alone."""
        try:
            read_index(self.folder)
        except UnknownLayout:
            return
        except ImageError as error:
            cause = error.__cause__
            if isinstance(cause, OSError) and not isinstance(cause, FileNotFoundError):
                raise OutputError(f"the cache {self.folder} cannot be read: {cause.strerror}") from error
            if {"blobs"} <= set(os.listdir(self.folder)) <= {*NAMES}:
                (self.folder / "index.json").unlink(missing_ok=True)

    def _former(self) -> frozenset[Digest]:
        """The blobs of what is there, as far as it can be read."""
        with contextlib.suppress(ImageError):
            own = (entry for entry in self._entries() if _name(entry) == self.tag)
            return frozenset(digest for entry in own for digest in blobs_of(self.folder, entry))
        return frozenset()

    def _give_up(self, doubted: Set[Descriptor]) -> None:
        """Remove what is false of it, or it would be taken for the same blob that was made anew."""
        try:
            for blob in doubted:
                path = blob_path(self.folder, blob.digest)
                if not _is_right(path, blob):
                    path.unlink(missing_ok=True)
        except OSError as error:
            raise OutputError(f"cannot write the cache {self.folder}: {error.strerror}") from error


def _name(entry: Descriptor) -> str | None:
    return dict(entry.annotations).get(REF_NAME)


def _is_right(path: Path, blob: Descriptor) -> bool:
    try:
        with open_verified(path, blob) as stream:
            while stream.read(_BLOCK):
                pass
    except (FileNotFoundError, ImageError):
        return False
    return True


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Meanwhile nobody else writes the caches in ``folder``. Raises OutputError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
    except OSError as error:
        raise OutputError(f"cannot write the cache {folder}: {error.strerror}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
