"""Sockets in a build context are left out, as docker's client leaves them out."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from ci_builder.build.copy.place import place
from ci_builder.build.copy.source import CopySource, find
from ci_builder.build.copy.transfer import Placement
from ci_builder.errors import ContextError
from ci_builder.rootfs.ownership import RecordedOwnership
from ci_builder.rootfs.tree import Tree


def test_a_socket_is_left_out(tmp_path: Path) -> None:
    context, root = tmp_path / "c", tmp_path / "r"
    context.mkdir()
    root.mkdir()
    (context / "file").write_text("content")
    ownership = RecordedOwnership(os.geteuid(), os.getegid())
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(context / "s"))
        origin = CopySource("the build context", Tree(str(context), ownership), keeps_owners=False)
        for found in find(origin, "."):
            place(found, origin, Placement(Tree(str(root), ownership), None, None), b"/x/")
        with pytest.raises(ContextError, match='"/s" in the build context is a socket'):
            find(origin, "s")
    assert [path.name for path in (root / "x").iterdir()] == ["file"]
