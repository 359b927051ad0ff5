"""Opens what COPY takes files from: the build context, a stage, an image, a named context."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterator

from ci_builder.build.bases import Bases
from ci_builder.build.copy.source import CopySource
from ci_builder.build.named_files import NamedFiles
from ci_builder.build.origins import FromContext, FromStage, Origin
from ci_builder.context.context import Context
from ci_builder.executors.interface import Workspace
from ci_builder.oci.digest import Digest
from ci_builder.oci.image import Image
from ci_builder.rootfs.ownership import KernelOwnership
from ci_builder.rootfs.tree import Tree
from ci_builder.values import dataclass, field


@dataclass(frozen=True, slots=True)
class CopySources:
    """``stage`` gives the image of a stage by its number, once it is built. The files of an image, which
    ``files`` makes readable, are kept until whoever gave that out closes them."""

    context: Context
    named: NamedFiles
    files: Callable[[Image], Workspace]
    bases: Bases
    stage: Callable[[int], Image]
    _readables: dict[tuple[Digest, ...], Workspace] = field(default_factory=dict)
    _turns: dict[tuple[Digest, ...], threading.Lock] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextlib.contextmanager
    def open(self, origin: Origin | None) -> Iterator[CopySource]:
        """The files of ``origin``, None for the build context."""
        if origin is None:
            yield _folder(self.context)
        elif isinstance(origin, FromContext) and origin.name in self.named.names:
            yield _folder(self.named.open(origin.name))
        else:
            image = self.stage(origin.index) if isinstance(origin, FromStage) else self.bases.image(origin)
            yield CopySource(_title(origin), self._readable(image).tree, keeps_owners=True)

    def _readable(self, image: Image) -> Workspace:
        chain = image.config.diff_ids
        with self._lock:
            turn = self._turns.setdefault(chain, threading.Lock())
        with turn:
            if chain not in self._readables:
                self._readables[chain] = self.files(image)
            return self._readables[chain]


def _folder(context: Context) -> CopySource:
    tree = Tree(os.fspath(context.root), KernelOwnership())
    # However closed a checkout is: as BuildKit, which is sent what is in it.
    root_mode = None if context.unpacked else 0o755
    return CopySource(context.name, tree, keeps_owners=False, ignore=context.ignore, root_mode=root_mode)


def _title(origin: Origin) -> str:
    return f"stage {origin.index}" if isinstance(origin, FromStage) else f"the image {origin}"
