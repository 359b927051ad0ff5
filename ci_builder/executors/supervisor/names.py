"""Making, linking, renaming and removing names."""

from __future__ import annotations

import ctypes
import errno
import os
import stat as stat_module

from ci_builder.executors.linux.architecture import of_this_machine
from ci_builder.executors.linux.calls import library
from ci_builder.executors.linux.task import signed
from ci_builder.executors.supervisor.call import Call, failure
from ci_builder.executors.supervisor.context import FOWNER, MKNOD, Context
from ci_builder.executors.supervisor.found import Found
from ci_builder.executors.supervisor.kernel import Handlers, Kernel
from ci_builder.executors.supervisor.lookup import CURRENT
from ci_builder.executors.supervisor.making import made, new_file
from ci_builder.executors.supervisor.permissions import READ, WRITE, allowed, need, need_removal
from ci_builder.executors.supervisor.status import object_of
from ci_builder.rootfs.ownership import STAND_IN
from ci_builder.values import replace

_HERE = CURRENT & 0xFFFFFFFF
_RENAMEAT2 = of_this_machine().calls["renameat2"]
_REMOVE_DIRECTORY, _SYMLINK_FOLLOW, _EMPTY_PATH, _NO_FOLLOW = 0x200, 0x400, 0x1000, 0x100
_NO_REPLACE, _EXCHANGE, _WHITEOUT = 1, 2, 4
_DOTS = (b"", b".", b"..")
_syscall = library().syscall

At = tuple[int, int]


def _new(
    kernel: Kernel, call: Call, at: At, *, directory: bool = False, source: Found | None = None
) -> tuple[Found, bytes]:
    """Where a name is to be made, for a directory or as another name of ``source``. Raises OSError (EEXIST,
    EACCES …)."""
    path = call.text(at[1])
    parent, name = kernel.lookup.parent(call.task, signed(at[0]), path)
    try:
        if name in _DOTS:
            raise failure(errno.EEXIST)
        if path.endswith(b"/") and not directory:
            _refuse_slash(parent, name)
        context = kernel.contexts.of(call.task)
        if not context.ignores_permissions:
            kernel.may_search(context, parent)
            if is_there(parent, name):
                raise failure(errno.EEXIST)
            if source is not None:
                _permit_link(kernel, context, source)
            kernel.may_change(context, parent)
        if kernel.view.has_read_only and not is_there(parent, name):
            kernel.need_writable(parent)
    except OSError:
        os.close(parent.descriptor)
        raise
    return parent, name


def is_there(parent: Found, name: bytes) -> bool:
    """Whether ``parent`` has a ``name``. Raises OSError."""
    try:
        os.stat(name, dir_fd=parent.descriptor, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def _refuse_slash(parent: Found, name: bytes) -> None:
    raise failure(errno.EEXIST if is_there(parent, name) else errno.ENOENT)


def _mkdir(kernel: Kernel, call: Call) -> int:
    path, mode, *_ = call.arguments
    return _make_directory(kernel, call, (_HERE, path), mode)


def _mkdirat(kernel: Kernel, call: Call) -> int:
    folder, path, mode, *_ = call.arguments
    return _make_directory(kernel, call, (folder, path), mode)


def _make_directory(kernel: Kernel, call: Call, at: At, mode: int) -> int:
    parent, name = _new(kernel, call, at, directory=True)
    with parent:
        context = kernel.contexts.of(call.task)
        new = new_file(kernel, context, parent, stat_module.S_IFDIR | mode & 0o1777)
        os.mkdir(name, new.permissions, dir_fd=parent.descriptor)
        made(kernel, os.stat(name, dir_fd=parent.descriptor, follow_symlinks=False), new)
    return 0


def _mknod(kernel: Kernel, call: Call) -> int:
    path, mode, device, *_ = call.arguments
    return _make_node(kernel, call, (_HERE, path), (mode, device))


def _mknodat(kernel: Kernel, call: Call) -> int:
    folder, path, mode, device, *_ = call.arguments
    return _make_node(kernel, call, (folder, path), (mode, device))


def _make_node(kernel: Kernel, call: Call, at: At, node: tuple[int, int]) -> int:
    mode, device = node[0] & 0o177777, node[1] & 0xFFFFFFFF
    kind = stat_module.S_IFMT(mode) or stat_module.S_IFREG
    if kind == stat_module.S_IFDIR:
        raise failure(errno.EPERM)
    if kind not in (stat_module.S_IFREG, stat_module.S_IFIFO, stat_module.S_IFSOCK) and kind not in _DEVICES:
        raise failure(errno.EINVAL)
    parent, name = _new(kernel, call, at)
    with parent:
        context = kernel.contexts.of(call.task)
        new = new_file(kernel, context, parent, kind | stat_module.S_IMODE(mode))
        if kind in _DEVICES:
            # Anyone may make the device that marks a removed file in an overlay (mknod(2)).
            if not context.may(MKNOD) and (device or kind != stat_module.S_IFCHR):
                raise failure(errno.EPERM)
            os.mknod(name, stat_module.S_IFREG | 0o600, 0, dir_fd=parent.descriptor)
            os.chmod(name, STAND_IN, dir_fd=parent.descriptor)
            new = replace(new, device=device)
        else:
            kernel.forget_paths()
            os.mknod(name, kind | new.permissions, 0, dir_fd=parent.descriptor)
        made(kernel, os.stat(name, dir_fd=parent.descriptor, follow_symlinks=False), new)
    return 0


_DEVICES = (stat_module.S_IFCHR, stat_module.S_IFBLK)


def _symlink(kernel: Kernel, call: Call) -> int:
    target, path, *_ = call.arguments
    return _make_link(kernel, call, target, (_HERE, path))


def _symlinkat(kernel: Kernel, call: Call) -> int:
    target, folder, path, *_ = call.arguments
    return _make_link(kernel, call, target, (folder, path))


def _make_link(kernel: Kernel, call: Call, target: int, at: At) -> int:
    text = call.text(target)
    if not text:
        raise failure(errno.ENOENT)
    parent, name = _new(kernel, call, at)
    with parent:
        kernel.forget_paths()
        os.symlink(text, name, dir_fd=parent.descriptor)
        status = os.stat(name, dir_fd=parent.descriptor, follow_symlinks=False)
        made(kernel, status, new_file(kernel, kernel.contexts.of(call.task), parent, status.st_mode))
    return 0


def _link(kernel: Kernel, call: Call) -> int:
    old, new, *_ = call.arguments
    return _link_to(kernel, call, (_HERE, old, _NO_FOLLOW), (_HERE, new))


def _linkat(kernel: Kernel, call: Call) -> int:
    folder, old, target_folder, new, flags, _ = call.arguments
    if flags & 0xFFFFFFFF & ~(_SYMLINK_FOLLOW | _EMPTY_PATH):
        raise failure(errno.EINVAL)
    path = call.text(old)
    below = signed(folder) != CURRENT and flags & _EMPTY_PATH and not path.startswith(b"/")
    if path and below and not kernel.contexts.of(call.task).ignores_permissions:
        # Only for whoever opened the descriptor, which a user that was root before is not (Linux 6.10).
        raise failure(errno.ENOENT)
    how = flags & _EMPTY_PATH | (0 if flags & _SYMLINK_FOLLOW else _NO_FOLLOW)
    return _link_to(kernel, call, (folder, old, how), (target_folder, new))


def _link_to(kernel: Kernel, call: Call, old: tuple[int, int, int], new: At) -> int:
    with object_of(kernel, call, old[:2], old[2]) as found:
        parent, name = _new(kernel, call, new, source=found)
        with parent:
            if is_there(parent, name):
                raise failure(errno.EEXIST)
            kernel.need_same_mount(found, parent)
            if found.is_directory:
                raise failure(errno.EPERM)
            kernel.forget_paths()
            os.link(found.path, name, dst_dir_fd=parent.descriptor, follow_symlinks=True)
            kernel.lookup.name_made()
    return 0


def _permit_link(kernel: Kernel, context: Context, source: Found) -> None:
    """What the sysctl fs.protected_hardlinks asks for (proc_sys_fs(5)). Raises OSError (EPERM)."""
    owner = kernel.owners.of(source)
    mode = owner[2]
    special = mode & stat_module.S_ISUID or mode & _GROUP_PROGRAM == _GROUP_PROGRAM
    if context.user.file == owner[0] or context.may(FOWNER):
        return
    if special or not stat_module.S_ISREG(mode) or not allowed(context, owner, READ | WRITE):
        raise failure(errno.EPERM)


_GROUP_PROGRAM = stat_module.S_ISGID | stat_module.S_IXGRP


def _unlink(kernel: Kernel, call: Call) -> int:
    return _remove(kernel, call, (_HERE, call.arguments[0]), directory=False)


def _rmdir(kernel: Kernel, call: Call) -> int:
    return _remove(kernel, call, (_HERE, call.arguments[0]), directory=True)


def _unlinkat(kernel: Kernel, call: Call) -> int:
    folder, path, flags, *_ = call.arguments
    if flags & 0xFFFFFFFF & ~_REMOVE_DIRECTORY:
        raise failure(errno.EINVAL)
    return _remove(kernel, call, (folder, path), directory=bool(flags & _REMOVE_DIRECTORY))


def _remove(kernel: Kernel, call: Call, at: At, *, directory: bool) -> int:
    path = call.text(at[1])
    parent, name = kernel.lookup.parent(call.task, signed(at[0]), path)
    with parent:
        if name in _DOTS:
            raise failure(_dots(name) if directory else errno.EISDIR)
        kernel.may_search(kernel.contexts.of(call.task), parent)
        kernel.need_writable(parent)
        status = os.stat(name, dir_fd=parent.descriptor, follow_symlinks=False)
        if path.endswith(b"/") and not directory:
            raise failure(errno.EISDIR if stat_module.S_ISDIR(status.st_mode) else errno.ENOTDIR)
        _permit_removal(kernel, call, parent, status)
        if directory:
            os.rmdir(name, dir_fd=parent.descriptor)
        else:
            os.unlink(name, dir_fd=parent.descriptor)
        # Not before: package managers try to remove many directories that are not empty.
        kernel.forget_paths()
    return 0


def _dots(name: bytes) -> int:
    return {b"": errno.EBUSY, b".": errno.EINVAL, b"..": errno.ENOTEMPTY}[name]


def _permit_removal(kernel: Kernel, call: Call, parent: Found, status: os.stat_result) -> None:
    context = kernel.contexts.of(call.task)
    if not context.ignores_permissions:
        kernel.may_change(context, parent)
        need_removal(context, kernel.owners.of(parent), kernel.owners.of_status(status))
    if (status.st_dev, status.st_ino) in kernel.view.covered:
        raise failure(errno.EBUSY)


def _rename(kernel: Kernel, call: Call) -> int:
    old, new, *_ = call.arguments
    return _move(kernel, call, ((_HERE, old), (_HERE, new)), 0)


def _renameat(kernel: Kernel, call: Call) -> int:
    folder, old, target_folder, new, *_ = call.arguments
    return _move(kernel, call, ((folder, old), (target_folder, new)), 0)


def _renameat2(kernel: Kernel, call: Call) -> int:
    folder, old, target_folder, new, flags, _ = call.arguments
    flags &= 0xFFFFFFFF
    if flags & ~(_NO_REPLACE | _EXCHANGE | _WHITEOUT) or (flags & _EXCHANGE and flags != _EXCHANGE):
        raise failure(errno.EINVAL)
    return _move(kernel, call, ((folder, old), (target_folder, new)), flags)


def _move(kernel: Kernel, call: Call, ends: tuple[At, At], flags: int) -> int:
    old_path, new_path = call.text(ends[0][1]), call.text(ends[1][1])
    parent, name = kernel.lookup.parent(call.task, signed(ends[0][0]), old_path)
    with parent:
        target, new_name = kernel.lookup.parent(call.task, signed(ends[1][0]), new_path)
        with target:
            kernel.need_same_mount(parent, target)
            if name in _DOTS:
                raise failure(errno.EBUSY)
            if new_name in _DOTS:
                raise failure(errno.EEXIST if flags & _NO_REPLACE else errno.EBUSY)
            kernel.need_writable(parent)
            kernel.need_writable(target)
            slashes = (old_path.endswith(b"/"), new_path.endswith(b"/"))
            _permit_move(kernel, call, ((parent, name), (target, new_name)), (flags, slashes))
            source = name + b"/" if old_path.endswith(b"/") else name
            into = new_name + b"/" if new_path.endswith(b"/") else new_name
            kernel.forget_paths()
            if _syscall(_RENAMEAT2, parent.descriptor, source, target.descriptor, into, flags) < 0:
                raise failure(ctypes.get_errno())
            kernel.lookup.name_made()
    return 0


def _permit_move(
    kernel: Kernel,
    call: Call,
    ends: tuple[tuple[Found, bytes], tuple[Found, bytes]],
    how: tuple[int, tuple[bool, bool]],
) -> None:
    """``how``: the flags, and whether the two paths end in a slash."""
    flags, slashes = how
    context = kernel.contexts.of(call.task)
    found = []
    for parent, name in ends:
        kernel.may_search(context, parent)
        found.append(_status(parent, name))
    source, target = found
    if source is None or (target is None and flags & _EXCHANGE):
        raise failure(errno.ENOENT)
    if target is not None and flags & _NO_REPLACE:
        raise failure(errno.EEXIST)
    if not stat_module.S_ISDIR(source.st_mode) and (slashes[0] or (slashes[1] and not flags & _EXCHANGE)):
        raise failure(errno.ENOTDIR)
    if flags & _EXCHANGE and slashes[1] and target is not None and not stat_module.S_ISDIR(target.st_mode):
        raise failure(errno.ENOTDIR)
    if target is not None and os.path.samestat(source, target):
        return  # nothing is done then
    for (parent, name), status in zip(ends, found, strict=True):
        if status is not None:
            _permit_removal(kernel, call, parent, status)
            _keep_mounts(kernel, parent, (name, status))
    _permit_leaving(kernel, context, ends, (source, target) if flags & _EXCHANGE else (source,))
    if target is None and not context.ignores_permissions:
        kernel.may_change(context, ends[1][0])


def _permit_leaving(
    kernel: Kernel,
    context: Context,
    ends: tuple[tuple[Found, bytes], tuple[Found, bytes]],
    moved: tuple[os.stat_result | None, ...],
) -> None:
    """A folder that gets another ``..`` is written to (rename(2), EACCES). Raises OSError."""
    if ends[0][0].key == ends[1][0].key:
        return
    for status in moved:
        if status is not None and stat_module.S_ISDIR(status.st_mode):
            need(context, kernel.owners.of_status(status), WRITE)


def _keep_mounts(kernel: Kernel, parent: Found, item: tuple[bytes, os.stat_result]) -> None:
    """Raises OSError (EBUSY) for a folder with a mount in it, which would not move along."""
    name, status = item
    if not stat_module.S_ISDIR(status.st_mode):
        return
    try:
        host = os.readlink(parent.path) + b"/" + name
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            raise
        return  # deeper than any mount
    if kernel.view.has_mounts_below(host):
        raise failure(errno.EBUSY)


def _status(parent: Found, name: bytes) -> os.stat_result | None:
    try:
        return os.stat(name, dir_fd=parent.descriptor, follow_symlinks=False)
    except FileNotFoundError:
        return None


HANDLERS: Handlers = {
    "mkdir": _mkdir,
    "mkdirat": _mkdirat,
    "mknod": _mknod,
    "mknodat": _mknodat,
    "symlink": _symlink,
    "symlinkat": _symlinkat,
    "link": _link,
    "linkat": _linkat,
    "unlink": _unlink,
    "rmdir": _rmdir,
    "unlinkat": _unlinkat,
    "rename": _rename,
    "renameat": _renameat,
    "renameat2": _renameat2,
}
