"""Whether a context may do something with a file: path_resolution(7), by the recorded owner and mode."""

from __future__ import annotations

import errno
import stat as stat_module

from ci_builder.executors.supervisor.acls import grants, known
from ci_builder.executors.supervisor.call import failure
from ci_builder.executors.supervisor.context import DAC_READ_SEARCH, FOWNER, Context
from ci_builder.executors.supervisor.owners import Owner

READ, WRITE, EXECUTE = 4, 2, 1


def allowed(context: Context, owner: Owner, wanted: int) -> bool:
    """Whether ``context`` has the ``wanted`` bits on a file of ``owner``."""
    uid, gid, mode, acl = owner
    directory = stat_module.S_ISDIR(mode)
    if context.ignores_permissions:
        return directory or not wanted & EXECUTE or bool(mode & 0o111)
    if context.user.file == uid:
        bits = mode >> 6
    elif acl and mode & stat_module.S_IRWXG and (entries := known(acl)):
        # Without permissions of the group it is not asked (fs/namei.c, acl_permission_check).
        bits = wanted if grants(entries, context, gid, wanted) else 0
    elif context.is_in_group(gid):
        bits = mode >> 3
    else:
        bits = mode
    if wanted & ~bits & 7 == 0:
        return True
    if context.may(DAC_READ_SEARCH):
        return wanted == READ or (directory and not wanted & WRITE)
    return False


def need(context: Context, owner: Owner, wanted: int) -> None:
    """Raises OSError (EACCES) unless it is allowed."""
    if not allowed(context, owner, wanted):
        raise failure(errno.EACCES)


def need_owner(context: Context, owner: Owner) -> None:
    """Raises OSError (EPERM) unless ``context`` owns the file or may act as if."""
    if context.user.file != owner[0] and not context.may(FOWNER):
        raise failure(errno.EPERM)


def need_removal(context: Context, parent: Owner, child: Owner) -> None:
    """Raises OSError (EPERM) where a sticky directory protects ``child`` (the caller may write to it)."""
    protected = parent[2] & stat_module.S_ISVTX and context.user.file not in (parent[0], child[0])
    if protected and not context.may(FOWNER):
        raise failure(errno.EPERM)
