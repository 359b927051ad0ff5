"""Who owns a new file, and with which mode: as its maker's context and its directory say."""

from __future__ import annotations

import os
import stat as stat_module

from ci_builder.executors.supervisor.acls import ACCESS, DEFAULT, inherited, known
from ci_builder.executors.supervisor.context import FSETID, Context
from ci_builder.executors.supervisor.found import Found
from ci_builder.executors.supervisor.kernel import Kernel
from ci_builder.executors.supervisor.owners import New, Owner
from ci_builder.rootfs.record import Xattrs


def new_file(kernel: Kernel, context: Context, parent: Found, mode: int) -> New:
    """What a new file in ``parent`` will be that is asked for with st_mode ``mode``: less the umask, or what
    the directory's default access control list takes from it (acl(5))."""
    record = kernel.owners.record(parent)
    xattrs: Xattrs = ()
    if not stat_module.S_ISLNK(mode):
        default = dict(record.xattrs).get(DEFAULT, b"") if record is not None and record.xattrs else b""
        if default and (entries := known(default)):
            acl, mode = inherited(entries, mode)
            xattrs = ((ACCESS, acl),) if acl else ()
            xattrs += ((DEFAULT, default),) if stat_module.S_ISDIR(mode) else ()
        else:
            mode &= ~context.umask
    gid, mode = _group_and_mode(kernel.owners.of_recorded(parent, record), context, mode)
    return New(context.user.file, gid, mode, xattrs=xattrs)


def made(kernel: Kernel, status: os.stat_result, new: New) -> None:
    """Record a file that was made as ``new``; ``status`` is its own, right after that."""
    kernel.lookup.name_made()
    kernel.owners.made((status.st_dev, status.st_ino), new)


def _group_and_mode(parent: Owner, context: Context, mode: int) -> tuple[int, int]:
    """A setgid directory gives its group on, and to directories the bit too (inode(7))."""
    _, gid, above, _ = parent
    if not above & stat_module.S_ISGID:
        return context.group.file, mode
    if stat_module.S_ISDIR(mode):
        return gid, mode | stat_module.S_ISGID
    keeps = not mode & stat_module.S_IXGRP or context.is_in_group(gid) or context.may(FSETID)
    return gid, mode if keeps else mode & ~stat_module.S_ISGID
