"""Where programs can be started, on real mounts; and what is said where supervising is refused."""

from __future__ import annotations

import contextlib
import os
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from ci_builder.errors import ExecutorError
from ci_builder.executors.executable_folder import REMEDY, executable_folder
from ci_builder.executors.ptrace import remedy


@pytest.fixture
def no_exec(tmp_path: Path) -> Iterator[Path]:
    """A file system without programs."""
    place = tmp_path / "noexec"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "noexec", "none", str(place)], check=True)
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_the_builds_own_folder_is_the_first(tmp_path: Path) -> None:
    own, other = tmp_path / "own", tmp_path / "other"
    own.mkdir()
    other.mkdir()
    with executable_folder(own, (other,)) as found:
        assert found == own
        assert os.listdir(own) == os.listdir(other) == []
    assert own.is_dir()


@pytest.mark.root
def test_elsewhere_in_a_folder_of_its_own(no_exec: Path, tmp_path: Path) -> None:
    own, other, last = no_exec / "own", tmp_path / "other", tmp_path / "last"
    for folder in (own, other, last):
        folder.mkdir()
    with executable_folder(own, (no_exec, tmp_path / "nothing", other, last)) as found:
        assert found.parent.parent == other
        assert found.parent.name.startswith("ci-builder-")
        assert stat.S_IMODE(found.stat().st_mode) == 0o700
        assert os.listdir(found) == []
        (found / "left").mkdir()
    assert [os.listdir(folder) for folder in (own, other, last)] == [[], [], []]
    assert os.listdir(no_exec) == ["own"]


@pytest.mark.root
def test_it_is_removed_after_an_error(no_exec: Path, tmp_path: Path) -> None:
    own, other = no_exec / "own", tmp_path / "other"
    own.mkdir()
    other.mkdir()
    stack = contextlib.ExitStack()

    def fail() -> None:
        with stack:
            (stack.enter_context(executable_folder(own, (other,))) / "file").touch()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert os.listdir(other) == []


@pytest.mark.root
def test_nowhere(no_exec: Path, tmp_path: Path) -> None:
    own = no_exec / "own"
    own.mkdir()
    with (
        pytest.raises(ExecutorError) as caught,
        executable_folder(own, (no_exec, tmp_path / "nothing")),
    ):
        pass
    assert caught.value.message == (
        f"every folder that can be written is mounted noexec: {no_exec}; "
        f"{tmp_path / 'nothing'}: No such file or directory"
    )
    assert caught.value.hint == REMEDY


@pytest.mark.parametrize(
    ("scope", "privileged", "part"),
    [
        ("", False, "seccomp profile"),
        ("0", False, "seccomp profile"),
        ("1", False, "seccomp profile"),
        ("2", False, "sysctl kernel.yama.ptrace_scope=1"),
        ("2", True, "seccomp profile"),
        ("3", True, "start the machine"),
    ],
)
def test_the_remedy_fits(scope: str, privileged: bool, part: str) -> None:
    assert part in remedy(scope, privileged)
