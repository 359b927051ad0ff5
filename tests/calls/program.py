"""The C program that makes the calls, compiled by the gcc that is here."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

_SOURCES = Path(__file__).parent / "program"
# In case the C library's headers are older than the kernel (include/uapi/asm-generic/unistd.h).
_NEWEST = {
    "fchmodat2": 452,
    "setxattrat": 463,
    "getxattrat": 464,
    "listxattrat": 465,
    "removexattrat": 466,
    "file_getattr": 468,
    "file_setattr": 469,
}
_HEADERS = (
    *("errno.h", "fcntl.h", "sched.h", "signal.h", "stdio.h", "unistd.h", "linux/openat2.h"),
    *("sys/file.h", "sys/inotify.h", "sys/mman.h", "sys/mount.h", "sys/prctl.h", "sys/ptrace.h"),
    *("sys/resource.h", "sys/socket.h", "sys/stat.h", "sys/syscall.h", "sys/wait.h", "sys/xattr.h"),
)
_INTERPRETER = re.compile(rb"/lib(64)?/ld-linux[-.a-z0-9_]*")


def missing(compiler: str = "gcc") -> str:
    """Why nothing can be compiled here, in one line; empty when it can."""
    if shutil.which(compiler) is None:
        return f"{compiler} is not installed"
    if not Path("/usr/include/fcntl.h").exists():
        return "the C library's headers are not installed (Debian's libc6-dev)"
    return ""


def compile_program(target: Path, *flags: str, compiler: str = "gcc") -> None:
    """Write the program to ``target``; the generated table of names lies beside it for the time."""
    table = target.with_name(f"{target.name}-names.c")
    table.write_text(_table(compiler))
    sources = [*sorted(map(str, _SOURCES.glob("*.c"))), str(table)]
    command = [compiler, "-O1", "-Wall", "-Wextra", "-Wno-unused-parameter", "-pthread", f"-I{_SOURCES}"]
    done = subprocess.run(
        [*command, *flags, "-o", str(target), *sources], capture_output=True, text=True, check=False
    )
    table.unlink()
    if done.returncode or done.stderr:
        raise RuntimeError(f"{compiler}: {done.stderr}")


def compile_file(source: Path, target: Path) -> None:
    """Compile a program of a single file, statically linked."""
    flags = ("-O1", "-Wall", "-Wextra", "-static", "-pthread")
    done = subprocess.run(
        ["gcc", *flags, "-o", str(target), str(source)], capture_output=True, text=True, check=False
    )
    if done.returncode or done.stderr:
        raise RuntimeError(f"gcc: {done.stderr}")


def without_interpreter(program: bytes) -> bytes:
    """A dynamically linked program whose loader is not there."""
    return _INTERPRETER.sub(lambda found: b"/no" + found[0][3:], program, count=1)


def loader_and_libraries(program: Path) -> dict[str, Path]:
    """Where a dynamically linked program finds its loader and libraries -> the files of this machine."""
    listed = subprocess.run(["ldd", str(program)], capture_output=True, text=True, check=True).stdout
    return {path: Path(path).resolve() for path in re.findall(r"(/\S+) \(0x", listed)}


def _table(compiler: str) -> str:
    constants = (_SOURCES / "constants.txt").read_text().split()
    calls = sorted({*_call_names(compiler), *_NEWEST})
    lines = ["#define _GNU_SOURCE", *(f"#include <{header}>" for header in _HEADERS), '#include "calls.h"']
    lines += [f"#ifndef SYS_{name}\n#define SYS_{name} {number}\n#endif" for name, number in _NEWEST.items()]
    for table, prefix, names in (("call_names", "SYS_", calls), ("constant_names", "", constants)):
        lines.append(f"const struct name {table}[] = {{")
        # Most are macros, some are enumerators, and an architecture may lack a call.
        lines += [f'    {{"{name}", (long)({prefix}{name})}},' for name in names]
        lines += ["    {0, 0},", "};"]
    return "\n".join(lines) + "\n"


def _call_names(compiler: str) -> list[str]:
    done = subprocess.run(
        [compiler, "-dM", "-E", "-include", "sys/syscall.h", "-x", "c", "/dev/null"],
        capture_output=True,
        text=True,
        check=True,
    )
    return re.findall(r"#define SYS_(\w+) ", done.stdout)
