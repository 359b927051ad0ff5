"""An output appears whole or not at all, and never takes the place of a device."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path
from typing import BinaryIO

import pytest

from ci_builder.errors import OutputError
from ci_builder.outputs.archive import write_whole


def _write(file: BinaryIO) -> None:
    file.write(b"content")


def test_a_new_file(tmp_path: Path) -> None:
    write_whole(tmp_path / "out.tar", _write)
    assert (tmp_path / "out.tar").read_bytes() == b"content"
    assert [path.name for path in tmp_path.iterdir()] == ["out.tar"]


def test_a_failure_leaves_the_old_file(tmp_path: Path) -> None:
    (tmp_path / "out.tar").write_bytes(b"old")

    def fail(file: BinaryIO) -> None:
        file.write(b"half")
        raise OSError(28, "No space left on device")

    with pytest.raises(OutputError, match="No space left"):
        write_whole(tmp_path / "out.tar", fail)
    assert [path.name for path in tmp_path.iterdir()] == ["out.tar"]
    assert (tmp_path / "out.tar").read_bytes() == b"old"


def test_a_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("real")
    write_whole(tmp_path / "link", _write)
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"content"


def test_a_fifo_is_written_to(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(fifo.read_bytes()))
    reader.start()
    write_whole(fifo, _write)
    reader.join()
    assert read == [b"content"]
    assert stat.S_ISFIFO(fifo.lstat().st_mode)
