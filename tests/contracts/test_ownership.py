"""Ownership: one suite over both implementations, and what is special to the record."""

from __future__ import annotations

import os
import stat
import struct
import tempfile
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ci_builder.rootfs.export import every_path
from ci_builder.rootfs.metadata import Metadata, all_xattrs, read_metadata, set_metadata
from ci_builder.rootfs.ownership import KernelOwnership, RecordedOwnership
from ci_builder.rootfs.pack import pack
from ci_builder.rootfs.tree import Ownership, Status, Tree
from ci_builder.rootfs.unpack import unpack
from ci_builder.rootfs.xattrs import read_xattrs
from tests.unit.rootfs.tars import file, folder, hard_link, member, symlink, tar, whiteout

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="gives files away: needs root")
CAPABILITY = struct.pack("<IIIII", 0x02000001, 0x2000, 0, 0, 0)


@dataclass(frozen=True)
class Subject:
    ownership: Ownership
    parent: int
    folder: Path

    def status(self, name: str) -> Status:
        return self.ownership.status(os.lstat(self.folder / name))

    def file(self, name: str, kind: str = "file") -> bytes:
        if kind == "file":
            (self.folder / name).write_bytes(b"")
        elif kind == "directory":
            (self.folder / name).mkdir()
        else:
            (self.folder / name).symlink_to("target")
        return os.fsencode(name)


@pytest.fixture(
    params=[
        pytest.param("kernel", marks=[pytest.mark.root, needs_root]),
        "record",
    ]
)
def subject(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Subject]:
    ownership: Ownership = KernelOwnership()
    if request.param == "record":
        ownership = RecordedOwnership(os.geteuid(), os.getegid())
    parent = os.open(tmp_path, os.O_PATH | os.O_DIRECTORY)
    yield Subject(ownership, parent, tmp_path)
    os.close(parent)


@pytest.mark.parametrize("kind", ["file", "directory", "symlink"])
def test_chown(subject: Subject, kind: str) -> None:
    name = subject.file("a", kind)
    subject.ownership.chown(subject.parent, name, 1234, 4_000_000_000)
    assert (subject.status("a").uid, subject.status("a").gid) == (1234, 4_000_000_000)
    subject.ownership.chown(subject.parent, name, 0, 0)
    assert (subject.status("a").uid, subject.status("a").gid) == (0, 0)


@pytest.mark.parametrize("mode", [0, 0o444, 0o4755, 0o2711, 0o7777, 0o1000, 0o600])
@pytest.mark.parametrize("kind", ["file", "directory"])
def test_mode(subject: Subject, kind: str, mode: int) -> None:
    name = subject.file("a", kind)
    subject.ownership.chown(subject.parent, name, 5, 6, mode)
    status = subject.status("a")
    assert (stat.S_IMODE(status.mode), status.uid, status.gid) == (mode, 5, 6)
    assert stat.S_IFMT(status.mode) == stat.S_IFMT(os.lstat(subject.folder / "a").st_mode)


def test_a_symbolic_link_keeps_its_mode_and_its_target(subject: Subject) -> None:
    subject.file("target")
    before = subject.status("target")
    (subject.folder / "link").symlink_to("target")
    subject.ownership.chown(subject.parent, b"link", 5, 6, stat.S_IFLNK | 0o777)
    assert subject.status("target") == before
    assert subject.status("link").mode == stat.S_IFLNK | 0o777


@pytest.mark.parametrize("kind", [stat.S_IFCHR, stat.S_IFBLK, stat.S_IFIFO])
def test_mknod(subject: Subject, kind: int) -> None:
    device = 0 if kind == stat.S_IFIFO else os.makedev(8, 300)
    subject.ownership.mknod(subject.parent, b"n", kind | 0o640, device)
    subject.ownership.chown(subject.parent, b"n", 7, 8, kind | 0o640)
    status = subject.status("n")
    assert (status.mode, status.uid, status.gid, status.device) == (kind | 0o640, 7, 8, device)
    with pytest.raises(FileExistsError):
        subject.ownership.mknod(subject.parent, b"n", kind | 0o640, device)


@pytest.mark.parametrize("key", ["user.a", "security.capability", "trusted.a", "system.posix_acl_access"])
def test_attributes(subject: Subject, key: str) -> None:
    value = {"security.capability": CAPABILITY, "system.posix_acl_access": _acl()}.get(key, b"value")
    name = subject.file("a")
    subject.ownership.setxattr(subject.parent, name, key, value)
    assert all_xattrs(subject.parent, name, subject.status("a")) == ((key, value),)


def _acl() -> bytes:
    """user::rw- user:1000:r-- group::r-- mask::r-- other::r--"""
    nobody = 2**32 - 1
    entries = ((1, 6, nobody), (2, 4, 1000), (4, 4, nobody), (16, 4, nobody), (32, 4, nobody))
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


def test_renamed_and_linked(subject: Subject) -> None:
    name = subject.file("a")
    subject.ownership.chown(subject.parent, name, 5, 6, 0o4711)
    os.link(subject.folder / "a", subject.folder / "b")
    (subject.folder / "a").rename(subject.folder / "c")
    for other in ("b", "c"):
        status = subject.status(other)
        assert (stat.S_IMODE(status.mode), status.uid, status.gid) == (0o4711, 5, 6)


def test_a_new_file_of_the_same_inode_starts_anew(subject: Subject) -> None:
    name = subject.file("a")
    subject.ownership.chown(subject.parent, name, 5, 6, 0o4711)
    subject.ownership.setxattr(subject.parent, name, "trusted.a", b"old")
    old = os.lstat(subject.folder / "a")
    # Until the number comes again (at once on ext4 and tmpfs; not everywhere).
    for _ in range(50):
        (subject.folder / "a").unlink()
        subject.file("a")
        if os.lstat(subject.folder / "a").st_ino == old.st_ino:
            break
    subject.ownership.chown(subject.parent, name, 0, 0, 0o644)
    status = subject.status("a")
    assert (stat.S_IMODE(status.mode), status.uid, status.gid, status.xattrs) == (0o644, 0, 0, ())


def test_everything_in_its_order(subject: Subject) -> None:
    name = subject.file("a")
    wanted = Metadata(
        stat.S_IFREG | 0o6755, 10, 11, 99_000_000_001, (("security.capability", CAPABILITY), ("user.a", b"1"))
    )
    set_metadata(subject.ownership, subject.parent, name, wanted)
    assert read_metadata(subject.ownership, subject.parent, name)[0] == wanted


def test_labels_of_the_host_are_not_carried_over(subject: Subject) -> None:
    name = subject.file("a")
    labels = (("security.selinux", b"label"), ("trusted.overlay.opaque", b"y"))
    set_metadata(subject.ownership, subject.parent, name, Metadata(stat.S_IFREG | 0o644, 0, 0, 0, labels))
    assert all_xattrs(subject.parent, name, subject.status("a")) == ()


@pytest.fixture
def record(tmp_path: Path) -> Iterator[tuple[RecordedOwnership, int, Path]]:
    parent = os.open(tmp_path, os.O_PATH | os.O_DIRECTORY)
    yield RecordedOwnership(os.geteuid(), os.getegid()), parent, tmp_path
    os.close(parent)


def test_a_recorded_device_is_an_empty_file(record: tuple[RecordedOwnership, int, Path]) -> None:
    ownership, parent, folder = record
    ownership.mknod(parent, b"null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    assert stat.S_ISREG(os.lstat(folder / "null").st_mode)
    assert os.lstat(folder / "null").st_size == 0


def test_a_file_that_took_the_place_of_a_recorded_device(record: tuple[RecordedOwnership, int, Path]) -> None:
    """Nobody told of the removal: the record must not make a device of an innocent file."""
    ownership, parent, folder = record
    # Another process may get the inode that was free for a moment.
    for _ in range(50):
        (folder / "x").unlink(missing_ok=True)
        ownership.mknod(parent, b"x", stat.S_IFCHR | 0o666, os.makedev(1, 3))
        old = os.lstat(folder / "x")
        (folder / "x").unlink()
        (folder / "x").write_bytes(b"")
        if os.lstat(folder / "x").st_ino == old.st_ino:
            break
    status = ownership.status(os.lstat(folder / "x"))
    assert stat.S_ISREG(status.mode)
    assert status.device == 0


def test_forget(record: tuple[RecordedOwnership, int, Path]) -> None:
    ownership, parent, folder = record
    (folder / "a").write_bytes(b"")
    os.link(folder / "a", folder / "b")
    ownership.chown(parent, b"a", 5, 6)
    status = os.lstat(folder / "a")
    ownership.forget(status)
    assert ownership.status(status).uid == 5, "another name of it is left"
    (folder / "b").unlink()
    ownership.forget(os.lstat(folder / "a"))
    assert ownership.status(status).uid == 0


def test_plain_files_cost_no_record(record: tuple[RecordedOwnership, int, Path]) -> None:
    ownership, parent, folder = record
    (folder / "a").write_bytes(b"")
    ownership.chown(parent, b"a", 0, 0, 0o644)
    assert len(ownership.records) == 0


@pytest.mark.root
@needs_root
def test_capabilities_set_in_a_user_namespace(tmp_path: Path) -> None:
    """setcap in a user namespace stores revision 3; layers hold revision 2."""
    (tmp_path / "a").write_bytes(b"")
    outer = struct.pack("<IIIIII", 0x03000001, 0x2000, 0, 0, 0, 100_000)
    os.setxattr(tmp_path / "a", "security.capability", outer)
    assert len(os.getxattr(tmp_path / "a", "security.capability")) == 24
    assert read_xattrs(-100, os.fsencode(tmp_path / "a")) == (("security.capability", CAPABILITY),)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that everybody may enter; pytest's own are for their owner only."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def unpacked_as_somebody(root: Path, layers: list[bytes]) -> bytes:
    """The tar of ``layers`` unpacked by a process of user 12345, without any capability."""
    made = root / "made.tar"
    child = os.fork()
    if not child:
        try:
            os.setgroups([])
            os.setresgid(12345, 12345, 12345)
            os.setresuid(12345, 12345, 12345)
            (root / "tree").mkdir()
            tree = Tree(str(root / "tree"), RecordedOwnership(os.geteuid(), os.getegid()))
            made.write_bytes(unpacked_and_packed(tree, layers))
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    assert made.stat().st_uid == 12345
    return made.read_bytes()


def unpacked_and_packed(tree: Tree, layers: list[bytes]) -> bytes:
    for data in layers:
        unpack([data], tree)
    blocks: list[bytes] = []
    pack(every_path(tree), tree, blocks.append)
    return b"".join(blocks)


@pytest.mark.root
@needs_root
def test_an_ordinary_user_loses_nothing(open_folder: Path) -> None:
    """The same layers unpacked by root and by somebody with no rights at all give the same tar."""
    top = open_folder
    layers = [
        tar(
            folder("bin", mode=0o555, uid=3, gid=4),
            file("bin/su", b"x", mode=0o4111, uid=0, gid=50),
            hard_link("bin/sudo", "bin/su"),
            folder("secret", mode=0, uid=9),
            file("secret/key", b"y", mode=0o000, uid=9, gid=9),
            member("null", b"3", devmajor=1, devminor=3, mode=0o666),
            member("pipe", b"6", mode=0o600, uid=2),
            symlink("link", "bin", uid=8, gid=8),
            file("attr", b"z", pax_headers={"SCHILY.xattr.trusted.a": "1", "SCHILY.xattr.user.b": "2"}),
        ),
        tar(folder("secret", mode=0o500, uid=9), file("secret/new", b"n", uid=1), whiteout("secret/.wh.key")),
    ]
    mine, theirs = top / "mine", top / "theirs"
    mine.mkdir()
    theirs.mkdir()
    os.chown(theirs, 12345, 12345)
    expected = unpacked_and_packed(Tree(str(mine), KernelOwnership()), layers)
    assert unpacked_as_somebody(theirs, layers) == expected
