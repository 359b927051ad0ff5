"""The executor that runs nothing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ci_builder.errors import ExecutorError
from ci_builder.executors.interface import Process
from ci_builder.executors.none import NoneExecutor
from ci_builder.oci.config import History
from ci_builder.oci.image import Image, scratch
from ci_builder.oci.platform import Platform
from ci_builder.progress import silent
from tests.contracts.executors.world import busybox_layer


@pytest.fixture
def image() -> Image:
    return scratch(Platform("linux", "amd64")).append(busybox_layer(b"no program"), History())


def test_a_skeleton_to_write_to(image: Image, tmp_path: Path) -> None:
    workspace = NoneExecutor(tmp_path, silent).workspace(image)
    root = Path(workspace.tree.root)
    assert (root / "bin/busybox").read_bytes() == b""
    assert (root / "etc/passwd").read_bytes().startswith(b"root:")
    assert os.readlink(root / "data/link") == "sub"
    assert list(workspace.changes()) == []
    (root / "opt/new").write_bytes(b"x")
    assert [item.path for item in workspace.changes()] == [b"opt", b"opt/new"]
    workspace.close()
    workspace.close()
    assert os.listdir(tmp_path) == []


def test_everything_to_read_from(image: Image, tmp_path: Path) -> None:
    workspace = NoneExecutor(tmp_path, silent).workspace(image, writable=False)
    root = Path(workspace.tree.root)
    assert (root / "bin/busybox").read_bytes() == b"no program"
    status = workspace.tree.ownership.status((root / "data/owned").lstat())
    assert (status.mode & 0o7777, status.uid, status.gid) == (0o640, 1000, 2000)
    workspace.close()


def test_running_is_refused(image: Image, tmp_path: Path) -> None:
    workspace = NoneExecutor(tmp_path, silent).workspace(image)
    with pytest.raises(ExecutorError, match="RUN needs"):
        workspace.run(Process(("true",), ()), lambda _: None)
    workspace.close()
