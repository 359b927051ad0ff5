"""A tar of 10,000 files with everything that a tar can say of them."""

from __future__ import annotations

import io
import struct
import tarfile
from pathlib import Path

_FOLDERS = 100
_FILES = 97
_CAPABILITY = struct.pack("<5I", 0x02000001, 1 << 10, 0, 0, 0)
"""security.capability of revision 2: cap_net_bind_service, permitted and effective."""


def write_archive(folder: Path) -> None:
    """Write ``files.tar`` into ``folder``: the same bytes each time."""
    with tarfile.open(folder / "files.tar", "w", format=tarfile.PAX_FORMAT) as tar:
        for number in range(_FOLDERS):
            name = f"folder-{number}"
            _add(tar, name, number, kind=tarfile.DIRTYPE, mode=0o2755 if number % 10 == 0 else 0o755)
            for file in range(_FILES):
                modes = (0o644, 0o600, 0o755, 0o4755, 0o2711, 0o444, 0o000)
                content = f"{name} {file}\n".encode() * (file % 40)
                _add(tar, f"{name}/file-{file}", number + file, content, mode=modes[file % len(modes)])
            _add(tar, f"{name}/soft", number, kind=tarfile.SYMTYPE, target=f"../folder-{number - 1}/file-1")
            _add(tar, f"{name}/hard", number + 3, kind=tarfile.LNKTYPE, target=f"{name}/file-3")
            _add(tar, f"{name}/ünï cödé\n{'long' * 40}", number, b"name")
        _add(tar, "fifo", 1, kind=tarfile.FIFOTYPE)
        _add(tar, "null", 2, kind=tarfile.CHRTYPE, mode=0o666)
        _add(tar, "capable", 0, b"#!/bin/true\n", mode=0o755, xattr=("security.capability", _CAPABILITY))
        _add(tar, "noted", 0, b"x", xattr=("user.note", b"of the user"))


def _add(
    tar: tarfile.TarFile,
    name: str,
    number: int,
    content: bytes = b"",
    *,
    kind: bytes = tarfile.REGTYPE,
    mode: int = 0o644,
    target: str = "",
    xattr: tuple[str, bytes] = ("", b""),
) -> None:
    entry = tarfile.TarInfo(name)
    entry.type, entry.mode, entry.linkname, entry.size = kind, mode, target, len(content)
    entry.uid, entry.gid = number % 7 * 1000, number % 5 * 100
    entry.mtime = 1_500_000_000 + number
    entry.devmajor, entry.devminor = (1, 3) if kind == tarfile.CHRTYPE else (0, 0)
    if xattr[0]:
        entry.pax_headers = {f"SCHILY.xattr.{xattr[0]}": xattr[1].decode("latin-1")}
    tar.addfile(entry, io.BytesIO(content))
