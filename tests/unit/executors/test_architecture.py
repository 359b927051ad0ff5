"""The tables of both architectures against the headers that the kernel gives to programs."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from ci_builder.executors.linux.architecture import AARCH64, X86_64, Architecture

_GENERIC = Path("/usr/include/asm-generic/unistd.h")
# What arm64's own header says before it includes the generic one (arch/arm64/include/uapi/asm/unistd.h).
_OF_ARM = "RENAMEAT NEW_STAT SET_GET_RLIMIT TIME32_SYSCALLS MEMFD_SECRET".split()
_HEADERS = {
    "x86_64": ("asm/unistd_64.h", "asm/stat.h", ()),
    "aarch64": (
        "asm-generic/unistd.h",
        "asm-generic/stat.h",
        tuple(f"-D__ARCH_WANT_{name}" for name in _OF_ARM),
    ),
}
_OFFSETS = """
#include <stddef.h>
#include <stdio.h>
#include <%s>
#define AT(field) (int) offsetof(struct stat, field)
int main(void) {
  printf("%%d %%d %%d %%d ", (int) sizeof(struct stat), AT(st_mode), AT(st_uid), AT(st_rdev));
  printf("%%d %%d %%d\\n", AT(st_dev), AT(st_ino), AT(st_gid));
  return 0;
}
"""
pytestmark = pytest.mark.skipif(
    not (shutil.which("gcc") and _GENERIC.exists()), reason="needs gcc and the kernel's headers"
)
both = pytest.mark.parametrize("architecture", [X86_64, AARCH64], ids=lambda item: item.name)


@both
def test_numbers(architecture: Architecture) -> None:
    header, _, options = _HEADERS[architecture.name]
    found = _numbers(_macros(header, options))
    assert len(found) > 250
    assert {name: architecture.calls.get(name) for name in found} == found


@both
def test_the_layout_of_stat(architecture: Architecture, tmp_path: Path) -> None:
    _, header, _ = _HEADERS[architecture.name]
    # The generic one has types of the same sizes on all machines of 64 bits.
    (tmp_path / "offsets.c").write_text(_OFFSETS % header)
    subprocess.run(["gcc", "-o", tmp_path / "offsets", tmp_path / "offsets.c"], check=True)
    told = subprocess.run([tmp_path / "offsets"], check=True, stdout=subprocess.PIPE, text=True).stdout
    size, mode, uid, rdev, device, inode, gid = map(int, told.split())
    mine = architecture
    assert (mine.stat_size, mine.stat_mode, mine.stat_ids, mine.stat_rdev) == (size, mode, uid, rdev)
    assert gid == uid + 4
    written = bytearray(size)
    for at, width, value in (
        (device, 8, 1),
        (inode, 8, 2),
        (mode, 4, 3),
        (uid, 4, 4),
        (gid, 4, 5),
        (rdev, 8, 6),
    ):
        written[at : at + width] = value.to_bytes(width, "little")
    fields = mine.stat.unpack_from(written)
    assert [fields[at] for at in mine.stat_order] == [1, 2, 3, 4, 5, 6]


def _macros(header: str, options: tuple[str, ...]) -> Mapping[str, str]:
    command = ["gcc", "-E", "-dM", *options, "-include", header, "-x", "c", "/dev/null"]
    text = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    lines = [line.split(maxsplit=2) for line in text.splitlines()]
    return {words[1]: words[2] for words in lines if len(words) == 3}


def _numbers(macros: Mapping[str, str]) -> dict[str, int]:
    found = {}
    for name, text in macros.items():
        value = text
        while value in macros:
            value = macros[value]
        if name.startswith("__NR_") and value.isdigit():
            found[name.removeprefix("__NR_")] = int(value)
    for name in ("syscalls", "arch_specific_syscall"):
        found.pop(name, None)
    return found
