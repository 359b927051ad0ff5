"""Heredocs as sources of COPY and ADD."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ci_builder.build.action import InlineFile
from ci_builder.build.copy.source import CopySource, Found
from ci_builder.rootfs.ownership import KernelOwnership
from ci_builder.rootfs.tree import Tree


@contextlib.contextmanager
def inline_origin(file: InlineFile, temporary: Path) -> Iterator[tuple[CopySource, Found]]:
    """The heredoc as a file of mode 0644 in a folder of its own, in ``temporary``."""
    # Not where the system has such folders: in place, that is a part of the image.
    with tempfile.TemporaryDirectory(prefix="inline-", dir=temporary) as folder:
        path = Path(folder) / "content"
        path.write_bytes(file.content)
        path.chmod(0o644)
        origin = CopySource("the Dockerfile", Tree(folder, KernelOwnership()), keeps_owners=False)
        yield origin, Found(b"content", os.fsencode(file.name), os.lstat(path))
