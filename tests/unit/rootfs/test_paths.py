"""paths: held against the kernel's own openat2(RESOLVE_IN_ROOT)."""

from __future__ import annotations

import contextlib
import ctypes
import os
import stat
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_builder.errors import CiBuilderError
from ci_builder.rootfs.paths import (
    Directories,
    HeldBack,
    lookup,
    open_directory,
    open_file,
    read_file,
    resolve,
)
from ci_builder.rootfs.tree import Tree
from tests.unit.rootfs.trees import folder_for_deep_trees, ownership

_OPENAT2 = 437
_RESOLVE_IN_ROOT = 0x10
_LIBC = ctypes.CDLL(None, use_errno=True)

parts = st.sampled_from(["a", "b", "c", "..", ".", "l", "m"])
targets = st.tuples(st.sampled_from(["", "/"]), st.lists(parts, min_size=1, max_size=4)).map(
    lambda pair: pair[0] + "/".join(pair[1])
)
things = st.lists(
    st.tuples(
        st.lists(st.sampled_from(["a", "b", "c", "l", "m"]), min_size=1, max_size=3).map("/".join),
        st.one_of(st.just("directory"), st.just("file"), targets),
    ),
    max_size=12,
)


def kernel_resolves(root: Path, path: bytes) -> bytes | int:
    """The real path below ``root`` as the kernel sees it, or its error number."""
    how = struct.pack("=QQQ", os.O_PATH | os.O_CLOEXEC, 0, _RESOLVE_IN_ROOT)
    folder = os.open(root, os.O_PATH | os.O_DIRECTORY)
    try:
        descriptor = _LIBC.syscall(_OPENAT2, folder, path or b".", how, len(how))
        if descriptor < 0:
            return ctypes.get_errno()
        try:
            found = os.readlink(b"/proc/self/fd/%d" % descriptor)
        finally:
            os.close(descriptor)
    finally:
        os.close(folder)
    return b"" if found == os.fsencode(root) else os.path.relpath(found, os.fsencode(root))


def we_resolve(directories: Directories, path: bytes) -> bytes | int | None:
    try:
        place = directories.follow(path)
        os.stat(place.name, dir_fd=place.parent, follow_symlinks=False)
    except OSError as error:
        return error.errno
    return place.path


def build(root: Path, wanted: list[tuple[str, str]]) -> None:
    for path, what in wanted:
        target = root / path
        real = target.parent
        if not real.is_dir() or os.path.lexists(target) or not real.resolve().is_relative_to(root):
            continue
        if what == "directory":
            target.mkdir()
        elif what == "file":
            target.write_text(path)
        else:
            target.symlink_to(what)


@given(things, st.lists(targets, min_size=1, max_size=6))
def test_as_the_kernel_resolves(
    tmp_path_factory: pytest.TempPathFactory, wanted: list[tuple[str, str]], asked: list[str]
) -> None:
    root = tmp_path_factory.mktemp("root").resolve()
    build(root, wanted)
    tree = Tree(str(root), ownership())
    with Directories(tree, capacity=2) as directories:
        for text in asked:
            path = text.encode()
            expected = kernel_resolves(root, path)
            assert we_resolve(directories, path) == expected, path
            if isinstance(expected, bytes):
                assert resolve(tree, path) == expected


def test_a_loop(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    tree = Tree(str(tmp_path), ownership())
    for path in (b"a", b"a/x"):
        with pytest.raises(CiBuilderError, match="Too many levels"):
            lookup(tree, path)
    assert lookup(tree, b"a", follow=False) is not None


def test_what_is_missing_is_taken_as_written(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("/real")
    (tmp_path / "dangling").symlink_to("/nowhere/else")
    (tmp_path / "file").write_text("")
    tree = Tree(str(tmp_path), ownership())
    assert resolve(tree, b"link/x/../y") == b"real/y"
    assert resolve(tree, b"dangling/x") == b"nowhere/else/x"
    assert resolve(tree, b"/file/x") == b"file/x"
    assert resolve(tree, b"../../link") == b"real"
    assert resolve(tree, b"link", follow_last=False) == b"link"
    assert resolve(tree, b"/") == b""


def test_reading_files(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "passwd").write_text("root")
    (tmp_path / "link").symlink_to("/etc/passwd")
    os.mkfifo(tmp_path / "fifo")
    tree = Tree(str(tmp_path), ownership())
    assert read_file(tree, b"link", 4) == b"root"
    assert read_file(tree, b"etc/group", 4) is None
    assert read_file(tree, b"etc/passwd/x", 4) is None
    with pytest.raises(CiBuilderError, match="larger than 3 bytes"):
        read_file(tree, b"link", 3)
    for wrong in (b"fifo", b"etc"):
        with pytest.raises(OSError, match="not a regular file"):
            open_file(tree, wrong)


def test_missing_parents_are_made(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/made/by")
    tree = Tree(str(tmp_path), ownership(), frozenset({b"/proc"}))
    (tmp_path / "proc").mkdir()
    (tmp_path / "into").symlink_to("proc/deep")
    with Directories(tree) as directories:
        assert directories.place(b"link/x/y", create=True).path == b"made/by/x/y"
        assert stat.S_IMODE((tmp_path / "made/by/x").stat().st_mode) == 0o755
        for path in (b"proc/a/b", b"into/a"):
            with pytest.raises(HeldBack):
                directories.place(path, create=True)
        assert directories.place(b"proc/a").held_back
        assert not directories.place(b"process").held_back
    assert os.listdir(tmp_path / "proc") == []


def test_forget_after_a_link_became_a_directory(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "l").symlink_to("a")
    with Directories(Tree(str(tmp_path), ownership())) as directories:
        assert directories.place(b"l/x").path == b"a/x"
        place = directories.place(b"l")
        (tmp_path / "l").unlink()
        (tmp_path / "l").mkdir()
        directories.forget(keep=place.parent)
        os.stat(b"l", dir_fd=place.parent)
        assert directories.place(b"l/x").path == b"l/x"


def test_no_descriptor_is_left_open(tmp_path: Path) -> None:
    deep = tmp_path / "/".join("abcdefgh")
    deep.mkdir(parents=True)
    (tmp_path / "l").symlink_to("a/b/c/../c/d")
    before = sorted(os.listdir("/proc/self/fd"))
    with Directories(Tree(str(tmp_path), ownership()), capacity=3) as directories:
        for path in (b"a/b/c/d/e/f/g/h/x", b"l/e/f/x", b"l/../../../b/x", b"l/nothing/x", b"a/b/x"):
            with contextlib.suppress(FileNotFoundError):
                directories.place(path)
    assert sorted(os.listdir("/proc/self/fd")) == before


def test_a_path_longer_than_the_kernel_takes() -> None:
    name = b"d" * 200
    with folder_for_deep_trees() as deep:
        root = descriptor = os.open(deep, os.O_PATH | os.O_DIRECTORY)
        opened = [root]
        for _ in range(40):
            os.mkdir(name, dir_fd=descriptor)
            descriptor = os.open(name, os.O_PATH | os.O_DIRECTORY, dir_fd=descriptor)
            opened.append(descriptor)
        opened.append(open_directory(root, b"/".join([name] * 40)))
        assert os.fstat(opened[-1]).st_ino == os.fstat(descriptor).st_ino
        for item in opened:
            os.close(item)
