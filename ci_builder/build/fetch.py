"""ADD of http and https URLs (Dockerfile reference, "ADD")."""

from __future__ import annotations

import contextlib
import hashlib
import os
import posixpath
import tempfile
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from ci_builder.build.action import Repository
from ci_builder.build.copy.source import CopySource, Found
from ci_builder.context.context import Sessions
from ci_builder.context.http import download, without_userinfo
from ci_builder.errors import ContextError, DigestMismatch
from ci_builder.oci.digest import Digest
from ci_builder.rootfs.ownership import KernelOwnership
from ci_builder.rootfs.tree import Tree
from ci_builder.values import dataclass, field

_BLOCK = 1 << 18
_UNNAMED = b"__unnamed__"
"""What BuildKit calls a download whose URL has no path."""
_CONTENT = "content"


@dataclass(frozen=True, slots=True)
class _Downloaded:
    """The folder that the file is in, and its content's digest."""

    folder: Path
    digest: bytes


@dataclass(frozen=True, slots=True)
class Fetcher:
    """Downloads into ``temporary`` by the HTTP sessions that ``sessions`` gives out. ``clones`` are the
    folders of the repositories, which were cloned beforehand."""

    sessions: Sessions
    temporary: Path
    clones: Mapping[Repository, Path] = field(default_factory=dict)
    _downloaded: dict[tuple[str, str], _Downloaded] = field(default_factory=dict)
    _turns: dict[tuple[str, str], threading.Lock] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def cloned(self, repository: Repository) -> CopySource:
        """The files of ``repository``."""
        folder = os.fspath(self.clones[repository])
        return CopySource("the repository", Tree(folder, KernelOwnership()), keeps_owners=False)

    def content_of(self, url: str) -> bytes:
        """The SHA-256 digest of what is behind ``url``, which is downloaded now. Raises ContextError."""
        return self._download(url, "").digest

    @contextlib.contextmanager
    def fetch(self, url: str, checksum: str, destination: str) -> Iterator[tuple[CopySource, Found]]:
        """The file behind ``url``, verified against ``checksum`` unless that is empty; downloaded once.

        Its name is the last part of the URL's path, its time the Last-Modified header's, else 1970, as
        BuildKit has it. Raises ContextError, DigestMismatch.
        """
        found = self._download(url, checksum)
        origin = CopySource("the download", Tree(str(found.folder), KernelOwnership()), keeps_owners=False)
        status = os.lstat(found.folder / _CONTENT)
        yield origin, Found(os.fsencode(_CONTENT), _file_name(url, destination), status)

    def _download(self, url: str, checksum: str) -> _Downloaded:
        key = (url, checksum)
        with self._lock:
            turn = self._turns.setdefault(key, threading.Lock())
        # Stages that want other files do not wait for this one.
        with turn:
            if key not in self._downloaded:
                folder = Path(tempfile.mkdtemp(prefix="add-", dir=self.temporary))
                self._downloaded[key] = _download(url, checksum, self.sessions, folder)
            return self._downloaded[key]


def _download(url: str, checksum: str, sessions: Sessions, folder: Path) -> _Downloaded:
    path = folder / _CONTENT
    with download(url, sessions) as answer:
        expected = Digest.parse(checksum) if checksum else None
        hasher = hashlib.new(expected.algorithm if expected else "sha256")
        with path.open("xb") as file:
            while block := answer.stream.read(_BLOCK):
                hasher.update(block)
                file.write(block)
        seconds = _last_modified(answer.headers)
    if expected is not None and hasher.hexdigest() != expected.hex:
        actual = f"{expected.algorithm}:{hasher.hexdigest()}"
        raise DigestMismatch(f"ADD {without_userinfo(url)}", str(expected), actual)
    path.chmod(0o600)
    os.utime(path, (seconds, seconds))
    return _Downloaded(folder, hasher.digest())


def _file_name(url: str, destination: str) -> bytes:
    name = posixpath.basename(unquote(urlsplit(url).path).rstrip("/"))
    if "\0" in name:
        raise ContextError(f"ADD {without_userinfo(url)}: the URL's file name has a null byte in it")
    if name in ("", "."):
        return _UNNAMED
    if name == ".." and destination.endswith("/"):
        raise ContextError(
            f"ADD {without_userinfo(url)}: the URL has no file name",
            hint="give the file's name in the destination",
        )
    return os.fsencode(name)


def _last_modified(headers: Mapping[str, str]) -> float:
    from email.utils import parsedate_to_datetime  # here: few builds fetch a URL

    try:
        return parsedate_to_datetime(headers.get("last-modified", "")).timestamp()
    except (ValueError, TypeError):
        return 0
