"""A disk that is full: a small tmpfs. One clear error, nothing half-made under its name."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from ci_builder.errors import OutputError
from ci_builder.rootfs.blob import write_layer
from ci_builder.rootfs.changes import Change
from ci_builder.rootfs.ownership import KernelOwnership
from ci_builder.rootfs.tree import Tree
from ci_builder.rootfs.unpack import unpack
from tests.unit.rootfs.tars import file, tar

pytestmark = [pytest.mark.root, pytest.mark.skipif(os.geteuid() != 0, reason="mounts a tmpfs: needs root")]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    made = subprocess.run(command, capture_output=True, check=False, text=True)
    if made.returncode:
        pytest.skip(f"no tmpfs can be mounted here: {made.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def test_unpacking(small_disk: Path) -> None:
    with pytest.raises(OutputError, match=f"cannot unpack /big into {small_disk}: No space left on device"):
        unpack([tar(file("big", bytes(3 << 20)))], Tree(str(small_disk), KernelOwnership()))


def test_writing_a_layer(small_disk: Path, tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "root/big").write_bytes(os.urandom(3 << 20))
    tree = Tree(str(tmp_path / "root"), KernelOwnership())
    with pytest.raises(OutputError, match=f"cannot write a layer to {small_disk}/blobs: No space left"):
        write_layer([Change(b"big", "present")], tree, small_disk / "blobs")
    assert os.listdir(small_disk / "blobs") == []
