"""A small build context in a folder, and the key of a step over it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from ci_builder.build.action import Action, Repository, Step
from ci_builder.build.caching.inputs import Sources, inputs_of_step
from ci_builder.build.copy.source import CopySource
from ci_builder.build.fetch import Fetcher
from ci_builder.cache.inputs import Input, Key, frame, key_of
from ci_builder.context import ignore
from ci_builder.rootfs.ownership import KernelOwnership
from ci_builder.rootfs.tree import Tree
from ci_builder.span import Span

SPAN = Span("Dockerfile", 1, 1)


def make_files(folder: Path) -> Path:
    """The files of a context: some of each kind."""
    for name in "src/a.c src/deep/b.c srcx/a.c other/a.c file1 file2 .git/HEAD".split():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"content of {path.name}")
        path.chmod(0o644)
    os.symlink("a.c", folder / "src/link")
    os.link(folder / "src/a.c", folder / "src/again")
    os.mkfifo(folder / "src/fifo", 0o600)
    (folder / "src/empty").mkdir()
    for path in (folder, *folder.rglob("*")):
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o755)
    return folder


class Downloads:
    """Stands for what a Fetcher has downloaded and cloned already."""

    def __init__(self, folder: Path, contents: Mapping[str, bytes]) -> None:
        self._folder = folder
        self._contents = contents

    def content_of(self, url: str) -> bytes:
        return self._contents.get(url, b"as ever")

    def cloned(self, repository: Repository) -> CopySource:
        return CopySource("the repository", Tree(str(self._folder), KernelOwnership()), keeps_owners=False)


@dataclass(frozen=True)
class World:
    """Where steps take files from. ``stages``: what is known of each name behind --from; others are told by
    their files, which are those of the folder ``stage``."""

    folder: Path
    ignored: str = ""
    stage: Path | None = None
    stages: Mapping[str, str] = field(default_factory=dict)
    contents: Mapping[str, bytes] = field(default_factory=dict)

    def sources(self) -> Sources:
        """As a build makes them."""
        fetcher = cast(Fetcher, Downloads(self.folder, self.contents))
        return Sources(self._open, self._identity, fetcher)

    @contextlib.contextmanager
    def _open(self, name: str) -> Iterator[CopySource]:
        folder = (self.stage or self.folder) if name else self.folder
        left_out = ignore.parse("" if name else self.ignored)
        tree = Tree(str(folder), KernelOwnership())
        yield CopySource(name or "the build context", tree, keeps_owners=bool(name), ignore=left_out)

    def _identity(self, name: str) -> Input | None:
        known = self.stages.get(name)
        return None if known is None else Input("files of another stage", frame(known))

    def key(self, *actions: Action, linked: bool = False, created_by: str = "") -> Key:
        """Of a step with these actions."""
        step = Step(SPAN, "title", created_by, actions, linked)
        return key_of(inputs_of_step(step, self.sources()))
