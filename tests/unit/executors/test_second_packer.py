"""A layer that two processes pack is, to the byte, the one that one of them packs alone."""

from __future__ import annotations

import contextlib
import io
import os
import socket
import stat
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ci_builder.errors import OutputError
from ci_builder.executors.launcher import Launcher
from ci_builder.progress import Event, Notice, Progress, silent
from ci_builder.rootfs.changes import Change
from ci_builder.rootfs.ownership import KernelOwnership
from ci_builder.rootfs.pack import pack
from ci_builder.rootfs.second_packer import Hire, PackOrder, SecondPacker
from ci_builder.rootfs.times import KEPT, Times
from ci_builder.rootfs.tree import Tree

_FOLDERS, _FILES = 20, 210  # more than a second process is hired for
pytestmark = [
    pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="a second process needs a second processor")
]


@pytest.fixture
def launcher() -> Iterator[Launcher]:
    made = Launcher()
    yield made
    made.close()


@pytest.fixture
def root() -> Iterator[Path]:
    # Thousands of files: in memory, where there is some.
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        yield _fill(Path(folder) / "root")


def _fill(root: Path) -> Path:
    for folder in range(_FOLDERS):
        inside = root / f"folder-{folder:02}"
        inside.mkdir(parents=True)
        for file in range(_FILES):
            (inside / f"file-{file:03}").write_bytes(b"%d" % file * (file % 50))
    return root


def _changes(root: Path) -> list[Change]:
    found = []
    for folder, folders, files in os.walk(os.fsencode(root)):
        for name in (*folders, *files):
            found.append(Change(os.path.relpath(os.path.join(folder, name), os.fsencode(root)), "present"))
    return found


def _packed(
    root: Path, changes: list[Change], hire: Hire | None, *, times: Times = KEPT, progress: Progress = silent
) -> bytes:
    buffer = io.BytesIO()
    pack(changes, Tree(str(root), KernelOwnership(), hire=hire), buffer.write, progress, times)
    return buffer.getvalue()


class _Seen:
    """Hires of ``launcher``, and sees how much of each part the second packer does. ``end`` is called after
    each part."""

    def __init__(
        self, launcher: Launcher, end: Callable[[socket.socket], None] = lambda control: None
    ) -> None:
        self.parts: list[int] = []
        self._launcher = launcher
        self._end = end

    def __call__(self, order: PackOrder) -> SecondPacker | None:
        packer = self._launcher.hire(order)
        assert packer is not None
        seen = self

        class Watched(SecondPacker):
            def __init__(self) -> None:
                self.__dict__.update(vars(packer))

            def end(self) -> tuple[int, bytes]:
                count, tar = super().end()
                seen.parts.append(count)
                seen._end(self._control)
                return count, tar

        return Watched()


def test_all_kinds_of_files(root: Path, launcher: Launcher) -> None:
    for folder in range(_FOLDERS):
        inside = root / f"folder-{folder:02}"
        (inside / "link").symlink_to("file-001")
        (inside / "to-nowhere").symlink_to("/" + "far/" * 60)
        (inside / ("long-" * 40)).write_text("a name of 200 bytes")
        (inside / "setuid").write_text("x")
        (inside / "setuid").chmod(0o4711)
        (inside / "empty").write_bytes(b"")
        os.utime(inside / "empty", ns=(0, 2**40 * 10**9))
    (root / "folder-03/large").write_bytes(os.urandom(3 << 20))
    (root / "folder-07/again").hardlink_to(root / "folder-02/file-010")
    (root / "folder-09/again").hardlink_to(root / "folder-02/file-010")
    os.mkfifo(root / "folder-11/fifo")
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(root / "folder-12/s"))
    listening.close()
    with contextlib.suppress(OSError):  # Linux 6.6 has them in memory
        os.setxattr(root / "folder-13/file-002", "user.colour", b"blue")
        os.setxattr(root / "folder-13", "user.colour", b"green")
    if os.geteuid() == 0:
        os.chown(root / "folder-14/file-100", 3_000_000, 4_000_000)
        os.mknod(root / "folder-15/null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    changes = [*_changes(root), Change(b"folder-04", "opaque"), Change(b"folder-05/gone", "absent")]
    seen = _Seen(launcher)
    told: dict[bool, list[Event]] = {True: [], False: []}
    for times in (KEPT, Times(latest=1_000_000_000), Times(all=0)):
        alone = _packed(root, changes, None, times=times, progress=told[False].append)
        assert _packed(root, changes, seen, times=times, progress=told[True].append) == alone
    assert sum(seen.parts) > len(changes) // 2
    assert told[True] == told[False]
    assert [type(event) for event in told[True]] == [Notice] * 3


def test_a_link_on_the_way_is_refused(root: Path, launcher: Launcher) -> None:
    changes = _changes(root)
    (root / "elsewhere").mkdir()
    (root / "folder-19").rename(root / "elsewhere/folder-19")
    (root / "folder-19").symlink_to("elsewhere/folder-19")
    said = []
    for hire in (None, launcher.hire):
        with pytest.raises(OutputError) as caught:
            _packed(root, changes, hire)
        said.append(str(caught.value))
    assert said[0] == said[1]
    assert "a symbolic link lies on the way" in said[0]


@pytest.mark.parametrize("missing", ["folder-00/file-000", "folder-10/file-123", "folder-19/file-209"])
def test_what_fails_is_told_as_by_one(root: Path, launcher: Launcher, missing: str) -> None:
    changes = _changes(root)
    (root / missing).unlink()
    with pytest.raises(OutputError, match=f"^cannot pack /{missing}: No such file or directory"):
        _packed(root, changes, launcher.hire)


def test_names_that_hide_are_refused(root: Path, launcher: Launcher) -> None:
    (root / "folder-11/.wh.file").write_text("x")
    with pytest.raises(OutputError, match=r"folder-11/\.wh\.file cannot be in a layer"):
        _packed(root, _changes(root), launcher.hire)


def test_a_second_packer_that_ends_is_done_without(root: Path, launcher: Launcher) -> None:
    changes = _changes(root)
    seen = _Seen(launcher, lambda control: control.shutdown(socket.SHUT_RDWR))
    assert _packed(root, changes, seen) == _packed(root, changes, None)
    assert [bool(part) for part in seen.parts] == [True] + [False] * (len(seen.parts) - 1)
    assert len(seen.parts) > 5


def test_no_launcher_no_second_packer(root: Path) -> None:
    launcher = Launcher()
    launcher.close()
    assert _packed(root, _changes(root), launcher.hire) == _packed(root, _changes(root), None)


def test_few_files_need_none(root: Path, launcher: Launcher) -> None:
    seen = _Seen(launcher)
    few = _changes(root)[:100]
    assert _packed(root, few, seen) == _packed(root, few, None)
    assert seen.parts == []
