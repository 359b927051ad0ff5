"""Opens what COPY takes files from: the build context, a stage, an image, a named context."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import field

from ci_builder.build.bases import Bases
from ci_builder.build.copy.source import CopySource
from ci_builder.build.origins import FromContext, FromStage, Origin
from ci_builder.context.context import Context, Place
from ci_builder.context.opening import open_named_context
from ci_builder.executors.interface import Executor
from ci_builder.oci.image import Image
from ci_builder.rootfs.ownership import KernelOwnership
from ci_builder.rootfs.tree import Tree
from ci_builder.values import dataclass


@dataclass(frozen=True, slots=True)
class CopySources:
    """``stages`` holds the images of the stages that are built, by index; it grows while the build goes
    on. Named contexts are opened when they are first used, and kept."""

    context: Context
    place: Place
    executor: Executor
    bases: Bases
    stages: dict[int, Image] = field(default_factory=dict)
    _opened: dict[str, Context] = field(default_factory=dict)

    @contextlib.contextmanager
    def open(self, origin: Origin | None) -> Iterator[CopySource]:
        """The files of ``origin``, None for the build context."""
        if origin is None:
            yield _folder(self.context)
        elif isinstance(origin, FromContext) and origin.name in self.bases.named.files:
            yield _folder(self._named(origin.name))
        else:
            image = self.stages[origin.index] if isinstance(origin, FromStage) else self.bases.image(origin)
            workspace = self.executor.workspace(image, writable=False)
            try:
                yield CopySource(_title(origin), workspace.tree, keeps_owners=True)
            finally:
                workspace.close()

    def _named(self, name: str) -> Context:
        if name not in self._opened:
            self._opened[name] = open_named_context(name, self.bases.named.files[name], self.place)
        return self._opened[name]


def _folder(context: Context) -> CopySource:
    tree = Tree(os.fspath(context.root), KernelOwnership())
    return CopySource(context.name, tree, keeps_owners=False, ignore=context.ignore)


def _title(origin: Origin) -> str:
    return f"stage {origin.index}" if isinstance(origin, FromStage) else f"the image {origin}"
