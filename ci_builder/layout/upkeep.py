"""Keeping an OCI image layout small: entries of the index removed, and blobs that nothing names any more."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path
from typing import Any

from ci_builder.errors import ImageError, OutputError
from ci_builder.layout.reader import blob_path, read_index
from ci_builder.layout.writer import UNFINISHED, locked, write_index
from ci_builder.oci.descriptor import Descriptor
from ci_builder.oci.digest import Digest
from ci_builder.untrusted import from_json

_NAMES = ("config", "subject", "layers", "manifests", "blobs")
_JSON_LIMIT = 32 << 20


def keep_only(folder: Path, keeps: Callable[[Descriptor], bool]) -> int:
    """Remove the entries of the index that ``keeps`` does not want, then every blob that no entry leads to.
    Nobody writes to the layout meanwhile. Returns the bytes that were freed. Raises ImageError when a
    manifest cannot be read (nothing is removed then), OutputError."""
    with _cleaned_up(folder):
        entries = read_index(folder).manifests
        kept = [entry for entry in entries if keeps(entry)]
        needed = _needed(folder, kept)
        if len(kept) != len(entries):
            write_index(folder, [entry.to_json() for entry in kept])
        return sum(_remove(path) for path in _blobs(folder) if not _is_needed(path, needed))


def remove_unnamed(folder: Path, digests: Collection[Digest]) -> None:
    """Remove those of ``digests`` that no entry of the index leads to. Raises ImageError when a manifest
    cannot be read (nothing is removed then), OutputError."""
    with _cleaned_up(folder):
        for digest in set(digests) - _needed(folder, read_index(folder).manifests):
            blob_path(folder, digest).unlink(missing_ok=True)


@contextlib.contextmanager
def _cleaned_up(folder: Path) -> Iterator[None]:
    try:
        with locked(folder):
            yield
    except OSError as error:
        text = f"cannot clean up the OCI layout {folder}: {error.strerror or error}"
        raise OutputError(text) from error


def _needed(folder: Path, entries: Iterable[Descriptor]) -> set[Digest]:
    return {digest for entry in entries for digest in blobs_of(folder, entry)}


def blobs_of(folder: Path, entry: Descriptor) -> dict[Digest, int]:
    """Every blob that ``entry`` leads to, itself included, with its size. Of manifests
    and indexes of every kind all is needed that they name by digest. Raises ImageError."""
    found: dict[Digest, int] = {}
    waiting = [entry]
    while waiting:
        one = waiting.pop()
        if one.digest in found:
            continue
        found[one.digest] = one.size
        if "manifest" in one.media_type or "index" in one.media_type:
            waiting += _named(folder, one)
    return found


def _named(folder: Path, document: Descriptor) -> Iterator[Descriptor]:
    path = blob_path(folder, document.digest)
    if not path.exists():
        return  # a layout need not have all that its index names
    try:
        if document.size > _JSON_LIMIT:
            raise ImageError(f"{document.digest} is too large for a manifest")
        value: dict[str, Any] = from_json(path.read_bytes())
        for name in _NAMES:
            item = value.get(name) or []
            for inner in item if isinstance(item, list) else [item]:
                yield Descriptor.from_json(inner)
    except (ValueError, AttributeError) as error:
        raise ImageError(f"{folder}: {document.digest} is no manifest: {error}") from error


def _blobs(folder: Path) -> list[Path]:
    """Every file below ``blobs``, and what a writer that was killed has left."""
    return [path for path in (folder / "blobs").glob("*/*") if path.is_file()] + list(
        folder.glob(f"{UNFINISHED}*")
    )


def _is_needed(path: Path, needed: set[Digest]) -> bool:
    if path.name.startswith(UNFINISHED):
        return False
    return Digest(path.parent.name, path.name) in needed


def _remove(path: Path) -> int:
    size = path.stat().st_size
    os.unlink(path)
    return size
