"""Who owns a new file, and with which mode: as its maker's context and its directory say."""

from __future__ import annotations

import os
import stat as stat_module

from ci_builder.executors.supervisor.context import FSETID, Context
from ci_builder.executors.supervisor.found import Found
from ci_builder.executors.supervisor.kernel import Kernel


def new_mode(context: Context, mode: int) -> int:
    """st_mode of a new file that is asked for with ``mode``: less the umask."""
    return mode & ~context.umask


def made(kernel: Kernel, context: Context, parent: Found, status: os.stat_result, mode: int) -> None:
    """Record a new file of st_mode ``mode`` in ``parent``; ``status`` is its own, right after it was made."""
    owner = (context.user.file, *_group_and_mode(kernel, context, parent, mode))
    kernel.lookup.name_made()
    kernel.owners.made((status.st_dev, status.st_ino), owner)


def made_device(
    kernel: Kernel, context: Context, parent: Found, status: os.stat_result, node: tuple[int, int]
) -> None:
    """The same of a device: ``node`` is st_mode and st_rdev."""
    owner = (context.user.file, *_group_and_mode(kernel, context, parent, node[0]))
    kernel.lookup.name_made()
    kernel.owners.made_device((status.st_dev, status.st_ino), owner, node[1])


def _group_and_mode(kernel: Kernel, context: Context, parent: Found, mode: int) -> tuple[int, int]:
    """A setgid directory gives its group on, and to directories the bit too (inode(7))."""
    _, gid, above = kernel.owners.of(parent)
    if not above & stat_module.S_ISGID:
        return context.group.file, mode
    if stat_module.S_ISDIR(mode):
        return gid, mode | stat_module.S_ISGID
    keeps = not mode & stat_module.S_IXGRP or context.is_in_group(gid) or context.may(FSETID)
    return gid, mode if keeps else mode & ~stat_module.S_ISGID
