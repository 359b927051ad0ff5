"""A base image out of this machine's own shell."""

from __future__ import annotations

import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from ci_builder.build.demonstration.base import make_base
from ci_builder.build.demonstration.elf import read_elf
from ci_builder.build.demonstration.libraries import configured_folders, needed_files
from ci_builder.errors import InvalidValue
from ci_builder.layout.reader import read_image
from ci_builder.oci.platform import Platform

SHELL = Path("/bin/sh").resolve()


def test_the_files_are_those_that_the_loader_takes() -> None:
    said = subprocess.run(["ldd", str(SHELL)], capture_output=True, text=True, check=False).stdout
    names = {Path(word).name for word in said.split() if word.startswith("/")}
    assert {path.name for path in needed_files(SHELL)} == names


def test_of_a_larger_program() -> None:
    program = Path(sys.executable).resolve()
    said = subprocess.run(["ldd", str(program)], capture_output=True, text=True, check=False).stdout
    names = {Path(word).name for word in said.split() if word.startswith("/")}
    assert {path.name for path in needed_files(program)} == names


def test_no_elf_file(tmp_path: Path) -> None:
    path = tmp_path / "script"
    path.write_text("#!/bin/sh\n")
    with pytest.raises(InvalidValue, match="does not begin as one"):
        read_elf(path)


@pytest.mark.parametrize("length", [64, 80, 200, 1000])
def test_a_cut_elf_file_is_refused_or_needs_less(tmp_path: Path, length: int) -> None:
    path = tmp_path / "cut"
    path.write_bytes(SHELL.read_bytes()[:length])
    with pytest.raises(InvalidValue):
        read_elf(path)


def test_ld_so_conf_with_includes(tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    (tmp_path / "more/b.conf").write_text("/b\n")
    (tmp_path / "more/a.conf").write_text("# nothing\n/a # here\n")
    (tmp_path / "ld.so.conf").write_text("include more/*.conf\n/c\ninclude ld.so.conf\n")
    assert list(configured_folders(tmp_path / "ld.so.conf"))[:3] == ["/a", "/b", "/c"]


def test_the_image_is_always_the_same_and_roots(tmp_path: Path) -> None:
    platform = Platform.parse("linux/amd64")
    for name in ("one", "two"):
        make_base(tmp_path / name, "base", platform, tmp_path)
    images = [read_image(tmp_path / name, "base", platform) for name in ("one", "two")]
    assert images[0].descriptor() == images[1].descriptor()
    with images[0].layers[0].open() as stream, tarfile.open(fileobj=stream, mode="r:gz") as tar:
        members = {member.name: member for member in tar}
    assert {(member.uid, member.gid, member.mtime) for member in members.values()} == {(0, 0, 0)}
    assert members["bin/sh"].mode == 0o755
    assert members["tmp"].mode == 0o1777
    assert members["etc/passwd"].mode == 0o644
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("ci-builder-base")] == []
