"""The build's own folder: where it is on the disk, who may look into it, and that it goes."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from ci_builder.executors.private_folder import private_folder

ROOT = Path(__file__).resolve().parents[3]
_USER = 12345


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


_KILLED = """
import os, pathlib, sys
from ci_builder.executors.private_folder import private_folder
with private_folder(pathlib.Path(sys.argv[1])) as folder:
    (folder / "deep").mkdir()
    (folder / "deep/file").touch()
    print(folder, flush=True)
    if sys.argv[2:]:
        os.fork() or (sys.stdin.read(), os._exit(0))
    os.kill(os.getpid(), 9)
"""


def test_what_a_killed_build_left_goes_with_the_next_one(tmp_path: Path) -> None:
    left = _left_by_a_killed_one(tmp_path)
    foreign = [tmp_path / "ci-builder-mine", tmp_path / "ci-builder-0123abcd", tmp_path / "other"]
    for folder in foreign:
        folder.mkdir()
    with private_folder(tmp_path) as folder:
        assert not left.exists()
        with private_folder(tmp_path):
            assert folder.exists(), "that of a living one stays"
    assert sorted(tmp_path.iterdir()) == sorted(foreign)


@pytest.mark.root
def test_what_it_had_closed_goes_as_well() -> None:
    """As Go closes the folders of its modules: no user removes anything from those."""
    with tempfile.TemporaryDirectory() as name:
        parent = Path(name)
        left = _left_by_a_killed_one(parent)
        (deep,) = left.glob("*/deep")
        for path in (parent, left, deep.parent, deep, deep / "file", left / ".in-use"):
            os.chown(path, _USER, _USER)
        deep.chmod(0o555)
        os.seteuid(_USER)
        try:
            with private_folder(parent):
                assert not left.exists()
        finally:
            os.seteuid(0)


def test_what_another_machine_left_stays(tmp_path: Path) -> None:
    """Its locks may not be seen here."""
    left = _left_by_a_killed_one(tmp_path)
    (left / ".in-use").write_text("another")
    with private_folder(tmp_path):
        assert left.exists()


def test_what_a_child_still_uses_stays(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _KILLED, str(tmp_path), "child"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT) as process:
        assert process.stdout is not None
        left = Path(os.fsdecode(process.stdout.readline().strip())).parent
        assert process.wait() == -signal.SIGKILL
        with private_folder(tmp_path):
            assert left.exists()
    with (left / ".in-use").open("rb") as mark:
        fcntl.flock(mark, fcntl.LOCK_EX)  # now the child has ended
    with private_folder(tmp_path):
        assert not left.exists()


def _left_by_a_killed_one(parent: Path) -> Path:
    command = [sys.executable, "-c", _KILLED, str(parent)]
    killed = subprocess.run(command, stdout=subprocess.PIPE, cwd=ROOT, check=False)
    assert killed.returncode == -signal.SIGKILL
    left = Path(os.fsdecode(killed.stdout.strip())).parent
    assert left.exists()
    return left


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
