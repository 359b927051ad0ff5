"""Credential files are away while a command runs in place, and back as they were afterwards."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ci_builder.executors.taken_away import taken_away
from ci_builder.progress import silent


def _secret(folder: Path) -> Path:
    path = folder / "config.json"
    path.write_text('{"auths": {}}')
    path.chmod(0o640)
    return path


def test_away_and_back(tmp_path: Path) -> None:
    path = _secret(tmp_path)
    with taken_away([path, path, tmp_path / "missing"], silent):
        assert not path.exists()
    assert path.read_text() == '{"auths": {}}'
    assert path.stat().st_mode & 0o777 == 0o640
    assert not (tmp_path / "missing").exists()


def test_back_after_an_error(tmp_path: Path) -> None:
    path = _secret(tmp_path)
    with pytest.raises(KeyboardInterrupt), taken_away([path], silent):
        raise KeyboardInterrupt
    assert path.exists()


def test_a_link_that_the_command_left_is_not_followed(tmp_path: Path) -> None:
    path, trap = _secret(tmp_path), tmp_path / "trap"
    trap.write_text("before")
    with taken_away([path], silent):
        path.symlink_to(trap)
    assert trap.read_text() == "before"
    assert not path.is_symlink()


def test_the_folder_may_be_gone(tmp_path: Path) -> None:
    folder = tmp_path / "docker"
    folder.mkdir()
    path = _secret(folder)
    with taken_away([path], silent):
        os.rmdir(folder)
    assert path.read_text() == '{"auths": {}}'
