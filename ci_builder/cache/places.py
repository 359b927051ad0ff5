"""The places that ``du`` looks into and ``prune`` cleans up: repositories, cache folders, the image store."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Protocol

from ci_builder.cache.folder import locked
from ci_builder.cache.holdings import entries_of, is_cache, without
from ci_builder.cache.limits import Entry
from ci_builder.cache.scope import LAYERS, MOUNTS
from ci_builder.errors import CiBuilderError, ImageError, ImageNotFound, RegistryError, UsageError
from ci_builder.layout.reader import REF_NAME, blob_path, read_image, read_index
from ci_builder.layout.upkeep import blobs_of, keep_only
from ci_builder.layout.writer import write_image
from ci_builder.oci.descriptor import Descriptor
from ci_builder.oci.image import Image
from ci_builder.oci.platform import Platform
from ci_builder.oci.reference import Reference
from ci_builder.progress import Notice, Progress
from ci_builder.registry.client import Registry
from ci_builder.registry.parallel import run_at_once
from ci_builder.registry.upkeep import is_refusal
from ci_builder.values import dataclass, field, replace

_AT_ONCE = 4
PREFIXES = (f"{LAYERS}-", f"{MOUNTS}-")
"""How the tags begin that a build writes into its --cache-repo."""


class Place(Protocol):
    """Something that fills up. ``str`` is what people call it."""

    def entries(self) -> tuple[Entry, ...]:
        """What is there now. Raises CiBuilderError."""

    def remove(self, entries: Sequence[Entry]) -> int:
        """Remove some of them; the bytes that are free now. Raises CiBuilderError."""


@dataclass(frozen=True, slots=True)
class RepositoryPlace:
    """The caches in a repository: that of the tag of ``reference``, or, with ``every``, all that builds have
    put there. A registry frees what nobody names any more when it collects its garbage."""

    registry: Registry
    reference: Reference
    every: bool
    progress: Progress
    _images: dict[str, Image] = field(default_factory=dict)

    def __str__(self) -> str:
        """The repository, or the reference."""
        return replace(self.reference, tag="").familiar if self.every else self.reference.familiar

    def entries(self) -> tuple[Entry, ...]:
        """See Place."""
        tags = self._tags()
        run_at_once([partial(self._read, tag) for tag in tags], _AT_ONCE)
        known = [(tag, self._images[tag]) for tag in tags if tag in self._images]
        return tuple(entry for tag, image in known for entry in entries_of(image, tag))

    def remove(self, entries: Sequence[Entry]) -> int:
        """See Place. What another pipeline wrote since is kept, but for a moment's chance."""
        for tag in dict.fromkeys(entry.scope for entry in entries):
            gone = {entry.identity for entry in entries if entry.scope == tag}
            self._images.pop(tag, None)
            self._read(tag)
            image = self._images.get(tag)
            if image is None:
                continue
            left = without(image, tag, gone)
            if left.descriptor().digest == image.descriptor().digest:
                continue
            shared = any(
                other.descriptor().digest == image.descriptor().digest
                for name, other in self._images.items()
                if name != tag
            )
            if left.layers or shared or not self._deleted(tag, image, "it is emptied instead, its tag stays"):
                self._write(tag, left)
                if not shared and left.layers:
                    self._deleted(tag, image, "its former manifest stays, without a tag")
        return 0

    def _tags(self) -> tuple[str, ...]:
        if not self.every:
            return (self.reference.tag,)
        return tuple(tag for tag in self.registry.tags(self.reference) if tag.startswith(PREFIXES))

    def _read(self, tag: str) -> None:
        try:
            image = self.registry.image(self._at(tag), None)
            if not is_cache(image):
                raise ImageError("it is no cache of this program's")
            entries_of(image, tag)
        except ImageNotFound:
            return
        except ImageError as error:
            self._notice(f"{self._at(tag).familiar} is left alone: {error}")
        else:
            self._images[tag] = image

    def _write(self, tag: str, image: Image) -> None:
        self.registry.note_present(image.layers, self.reference)
        self.registry.push(image, [self._at(tag)])

    def _deleted(self, tag: str, image: Image, otherwise: str) -> bool:
        try:
            self.registry.delete(self._at(tag).with_digest(image.descriptor().digest))
        except RegistryError as error:
            if not is_refusal(error):
                raise
            self._notice(f"{self._at(tag).familiar} cannot be deleted ({error}): {otherwise}")
            return False
        return True

    def _at(self, tag: str) -> Reference:
        return replace(self.reference, tag=tag, digest=None)

    def _notice(self, text: str) -> None:
        self.progress(Notice("warning", text))


@dataclass(frozen=True, slots=True)
class FolderPlace:
    """The caches in the OCI layout ``folder``; ``tag``: of that scope only. What else is there stays."""

    folder: Path
    platform: Platform
    tag: str = ""

    def __str__(self) -> str:
        """The folder."""
        return f"{self.folder}:{self.tag}" if self.tag else str(self.folder)

    def entries(self) -> tuple[Entry, ...]:
        """See Place."""
        return tuple(entry for tag, image in self._caches() for entry in entries_of(image, tag))

    def remove(self, entries: Sequence[Entry]) -> int:
        """See Place."""
        with locked(self.folder):
            empty: set[str] = set()
            for tag, image in self._caches():
                gone = {entry.identity for entry in entries if entry.scope == tag}
                left = without(image, tag, gone)
                if gone and left.layers:
                    write_image(self.folder, left, [(tag, tag)])
                elif gone:
                    empty.add(tag)
            return keep_only(self.folder, lambda entry: _name(entry) not in empty)

    def _caches(self) -> Iterator[tuple[str, Image]]:
        if not _has_index(self.folder):
            raise UsageError(f"{self.folder} is no OCI layout: there is no cache in it")
        for entry in self._manifests():
            tag = _name(entry)
            if not tag or self.tag not in ("", tag):
                continue
            try:
                image = read_image(self.folder, str(entry.digest), self.platform)
                if not is_cache(image):
                    continue
                entries_of(image, tag)
            except CiBuilderError:
                continue  # something else, or broken; its blobs are needed all the same
            yield tag, image

    def _manifests(self) -> tuple[Descriptor, ...]:
        try:
            return read_index(self.folder).manifests
        except ImageError as error:
            hint = "the next build that writes a cache there begins it anew"
            raise ImageError(f"the cache {self.folder} cannot be read: {error}", hint=hint) from error


@dataclass(frozen=True, slots=True)
class StorePlace:
    """The images in the embedded store, the OCI layout ``folder``. An image counts as made and used when
    its manifest was written."""

    folder: Path

    def __str__(self) -> str:
        """The folder."""
        return f"images in {self.folder}"

    def entries(self) -> tuple[Entry, ...]:
        """See Place."""
        if not _has_index(self.folder):
            return ()
        return tuple(self._entry(entry) for entry in read_index(self.folder).manifests)

    def remove(self, entries: Sequence[Entry]) -> int:
        """See Place."""
        if not _has_index(self.folder):
            return 0
        gone = {entry.identity for entry in entries}
        return keep_only(self.folder, lambda entry: _identity(entry) not in gone)

    def _entry(self, entry: Descriptor) -> Entry:
        blobs = tuple((str(digest), size) for digest, size in blobs_of(self.folder, entry).items())
        path = blob_path(self.folder, entry.digest)
        made = int(path.stat().st_mtime) if path.exists() else 0
        title = _name(entry) or f"without a name, {entry.digest}"
        return Entry("images", _identity(entry), title, blobs, made, made)


def _name(entry: Descriptor) -> str:
    return dict(entry.annotations).get(REF_NAME, "")


def _identity(entry: Descriptor) -> str:
    return f"{_name(entry)}@{entry.digest}"


def _has_index(folder: Path) -> bool:
    """Raises CiBuilderError where nobody may look."""
    try:
        return (folder / "index.json").exists()
    except OSError as error:
        raise CiBuilderError(f"{folder} cannot be read: {error.strerror}") from error
