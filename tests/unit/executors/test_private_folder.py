"""The build's own folder: where it is on the disk, who may look into it, and that it goes."""

from __future__ import annotations

import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from ci_builder.executors.private_folder import private_folder


def test_private_and_gone(tmp_path: Path) -> None:
    with private_folder(tmp_path) as folder:
        (folder / "deep" / "er").mkdir(parents=True)
        outer = folder.parent
        assert outer.parent == tmp_path
        assert {stat.S_IMODE(path.stat().st_mode) for path in (outer, folder)} == {0o700}
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(RuntimeError), private_folder(tmp_path):
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_in_a_part_of_the_disk_of_its_own(tmp_path: Path) -> None:
    """ext4: the flag on the outer folder has what is in it put elsewhere, by a name that is new each time."""
    if shutil.which("lsattr") is None:
        pytest.skip("lsattr is not installed")
    kind = subprocess.run(
        ["stat", "-f", "-c", "%T", str(tmp_path)], capture_output=True, text=True, check=True
    )
    if "ext" not in kind.stdout:
        pytest.skip(f"{kind.stdout.strip()} has no such flag")
    with private_folder(tmp_path) as folder, private_folder(tmp_path) as other:
        assert "T" in subprocess.check_output(["lsattr", "-d", folder.parent], text=True).split()[0]
        assert folder.name != other.name
