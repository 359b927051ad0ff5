"""A folder whose files have names outside of it gets files of its own, which nobody else can change."""

from __future__ import annotations

import os
import shutil
import stat as stat_module


def part(folder: str) -> None:
    """Copy every file in ``folder`` that has a name elsewhere; its names inside stay one file. Raises
    OSError."""
    inside: dict[tuple[int, int], list[str]] = {}
    links: dict[tuple[int, int], int] = {}
    for above, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(above, name)
            found = os.lstat(path)
            if found.st_nlink > 1:
                inside.setdefault((found.st_dev, found.st_ino), []).append(path)
                links[found.st_dev, found.st_ino] = found.st_nlink
    for key, paths in inside.items():
        if links[key] > len(paths):
            _part(paths)


def _part(paths: list[str]) -> None:
    found = os.lstat(paths[0])
    new = f"{os.path.dirname(paths[0])}/.ci-builder-parted-{os.getpid()}"
    if stat_module.S_ISREG(found.st_mode):
        shutil.copyfile(paths[0], new)
    elif stat_module.S_ISLNK(found.st_mode):
        os.symlink(os.readlink(paths[0]), new)
    else:
        os.mknod(new, found.st_mode, found.st_rdev)
    os.chown(new, found.st_uid, found.st_gid, follow_symlinks=False)
    # After the owner: a change of that takes setuid bits and capabilities away.
    shutil.copystat(paths[0], new, follow_symlinks=False)
    for path in paths[1:]:
        os.unlink(path)
        os.link(new, path, follow_symlinks=False)
    os.rename(new, paths[0])
