"""Opens what COPY takes files from: the build context, a stage, an image, a named context."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterable, Iterator

from ci_builder.build.bases import Bases
from ci_builder.build.copy.source import CopySource
from ci_builder.build.origins import FromContext, FromStage, Origin
from ci_builder.context.context import Context, Place
from ci_builder.context.opening import open_named_context
from ci_builder.executors.interface import Workspace
from ci_builder.oci.digest import Digest
from ci_builder.oci.image import Image
from ci_builder.rootfs.ownership import KernelOwnership
from ci_builder.rootfs.tree import Tree
from ci_builder.values import dataclass, field


@dataclass(frozen=True, slots=True)
class CopySources:
    """``stage`` gives the image of a stage by its number, once it is built; ``cut`` takes away what of a
    context is the build's own. Named contexts are opened when they are first used, and kept; so are the files
    of an image, which ``files`` makes readable, until whoever gave that out closes them."""

    context: Context
    place: Place
    files: Callable[[Image], Workspace]
    bases: Bases
    stage: Callable[[int], Image]
    cut: Callable[[Context], Context]
    _opened: dict[str, Context] = field(default_factory=dict)
    _readables: dict[tuple[Digest, ...], Workspace] = field(default_factory=dict)
    _turns: dict[tuple[Digest, ...], threading.Lock] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextlib.contextmanager
    def open(self, origin: Origin | None) -> Iterator[CopySource]:
        """The files of ``origin``, None for the build context."""
        if origin is None:
            yield _folder(self.context)
        elif isinstance(origin, FromContext) and origin.name in self.bases.named.files:
            yield _folder(self._named(origin.name))
        else:
            image = self.stage(origin.index) if isinstance(origin, FromStage) else self.bases.image(origin)
            yield CopySource(_title(origin), self._readable(image).tree, keeps_owners=True)

    def open_named(self, names: Iterable[str]) -> None:
        """Open the named contexts of these names now. Raises ContextError."""
        for name in names:
            if name in self.bases.named.files:
                self._named(name)

    def _readable(self, image: Image) -> Workspace:
        chain = image.config.diff_ids
        with self._lock:
            turn = self._turns.setdefault(chain, threading.Lock())
        with turn:
            if chain not in self._readables:
                self._readables[chain] = self.files(image)
            return self._readables[chain]

    def _named(self, name: str) -> Context:
        with self._lock:
            if name not in self._opened:
                opened = open_named_context(name, self.bases.named.files[name], self.place)
                self._opened[name] = self.cut(opened)
            return self._opened[name]


def _folder(context: Context) -> CopySource:
    tree = Tree(os.fspath(context.root), KernelOwnership())
    # However closed a checkout is: as BuildKit, which is sent what is in it.
    root_mode = None if context.unpacked else 0o755
    return CopySource(context.name, tree, keeps_owners=False, ignore=context.ignore, root_mode=root_mode)


def _title(origin: Origin) -> str:
    return f"stage {origin.index}" if isinstance(origin, FromStage) else f"the image {origin}"
