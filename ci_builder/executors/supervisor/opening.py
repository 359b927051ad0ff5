"""open, openat, creat: the file is opened here, and its descriptor handed to the caller."""

from __future__ import annotations

import errno
import os
import stat as stat_module

from ci_builder.executors.linux.task import signed
from ci_builder.executors.supervisor.call import Call, failure
from ci_builder.executors.supervisor.context import Context
from ci_builder.executors.supervisor.found import Found
from ci_builder.executors.supervisor.kernel import ANSWERED, Handlers, Kernel
from ci_builder.executors.supervisor.lookup import CURRENT
from ci_builder.executors.supervisor.making import made, new_file
from ci_builder.executors.supervisor.order import Order
from ci_builder.executors.supervisor.permissions import READ, WRITE, need, need_owner
from ci_builder.executors.supervisor.proc_files import content

KNOWN = 0x7FFFFFFF
"""The flags of open(2) that mean something, and fit into a C int: others are no error."""
_CREATION = os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
TMPFILE = 0o20000000  # O_TMPFILE without O_DIRECTORY
_TTY = os.makedev(5, 0)
_TERMINALS = range(136, 144)  # the majors of /dev/pts (Documentation/admin-guide/devices.txt)
# Devices that stand in the image's /dev or were made by mknod, and are the kernel's to open.
_KNOWN = {
    os.makedev(1, 3): b"/dev/null",
    os.makedev(1, 5): b"/dev/zero",
    os.makedev(1, 7): b"/dev/full",
    os.makedev(1, 8): b"/dev/random",
    os.makedev(1, 9): b"/dev/urandom",
}

Wanted = tuple[int, int]


def _open(kernel: Kernel, call: Call) -> int | None:
    path, flags, mode, *_ = call.arguments
    return _do(kernel, call, (CURRENT, path), (flags & KNOWN, mode & 0o7777))


def _openat(kernel: Kernel, call: Call) -> int | None:
    folder, path, flags, mode, _, _ = call.arguments
    return _do(kernel, call, (signed(folder), path), (flags & KNOWN, mode & 0o7777))


def _creat(kernel: Kernel, call: Call) -> int | None:
    path, mode, *_ = call.arguments
    return _do(kernel, call, (CURRENT, path), (os.O_CREAT | os.O_WRONLY | os.O_TRUNC, mode & 0o7777))


def _do(kernel: Kernel, call: Call, where: tuple[int, int], wanted: Wanted) -> int | None:
    folder, pointer = where
    flags, _ = wanted
    path = call.text(pointer)
    if flags & os.O_PATH:
        flags &= os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    elif flags & os.O_CREAT:
        return _create(kernel, call, (folder, path), wanted)
    elif kernel.lookup.is_missing(kernel.contexts.of(call.task), path):
        return -errno.ENOENT
    found = kernel.lookup.find(call.task, folder, path, follow=not flags & os.O_NOFOLLOW)
    with found:
        if not flags & ~os.O_CLOEXEC and _is_ordinary(kernel, call, path, found):
            kernel.lookup.opened(path)
        if flags & TMPFILE and flags & os.O_DIRECTORY:
            return _temporary(kernel, call, found, wanted)
        return _give(kernel, call, found, flags)


def _is_ordinary(kernel: Kernel, call: Call, path: bytes, found: Found) -> bool:
    is_plain = path.startswith(b"/") and found.place is None and stat_module.S_ISREG(found.mode)
    return is_plain and not kernel.contexts.of(call.task).root and kernel.is_recorded(found)


def _give(kernel: Kernel, call: Call, found: Found, flags: int) -> int | None:
    kind = stat_module.S_IFMT(found.mode)
    if flags & os.O_DIRECTORY and kind != stat_module.S_IFDIR:
        raise failure(errno.ENOTDIR)
    if flags & os.O_PATH:
        # The kernel hands on no descriptors of this kind.
        return _by_itself(kernel, call, found, flags)
    if kind == stat_module.S_IFLNK:
        raise failure(errno.ELOOP)
    if kind == stat_module.S_IFDIR and flags & (os.O_ACCMODE | os.O_TRUNC):
        raise failure(errno.EISDIR)
    context = kernel.contexts.of(call.task)
    _permit(kernel, context, found, flags)
    if flags & (os.O_ACCMODE | os.O_TRUNC) and kind == stat_module.S_IFREG:
        kernel.need_writable(found)
    if kind == stat_module.S_IFIFO or found.rdev == _TTY or _may_become_its_terminal(found, flags):
        return _by_itself(kernel, call, found, flags)
    descriptor = _rewritten(kernel, found, flags)
    truncates = bool(flags & os.O_TRUNC) and stat_module.S_ISREG(kernel.owners.of(found)[2])
    truncates = truncates and kernel.is_recorded(found)
    if descriptor < 0:
        kept = flags & ~_CREATION & ~(os.O_TRUNC if truncates else 0)
        descriptor = os.open(_to_open(kernel, found), kept | os.O_CLOEXEC | os.O_NOCTTY)
    try:
        if truncates:
            return _truncate(kernel, call, (found, descriptor), flags)
        if flags & (os.O_ACCMODE | os.O_TRUNC):
            kernel.owners.written(found, context)
        kernel.listener.give((call.cookie, call.task), descriptor, bool(flags & os.O_CLOEXEC))
    finally:
        os.close(descriptor)
    return ANSWERED


def _truncate(kernel: Kernel, call: Call, opened: tuple[Found, int], flags: int) -> int | None:
    """Only when the caller has a descriptor: a call that fails changes nothing."""
    found, descriptor = opened
    number = kernel.listener.install(call.cookie, descriptor, bool(flags & os.O_CLOEXEC))
    if number is None:
        return ANSWERED
    # By path: opening read-only truncates, too (open(2)).
    os.truncate(f"/proc/self/fd/{descriptor}", 0)
    kernel.owners.written(found, kernel.contexts.of(call.task))
    return number


def _rewritten(kernel: Kernel, found: Found, flags: int) -> int:
    """A file in memory in place of one of /proc that says too much or too little; -1: there is no need."""
    if found.place is None or flags & os.O_ACCMODE != os.O_RDONLY or kernel.is_recorded(found):
        return -1
    data = content(kernel, found.place)
    if data is None:
        return -1
    descriptor = os.memfd_create("proc", os.MFD_CLOEXEC)
    try:
        os.write(descriptor, data)
        os.fchmod(descriptor, 0o444)
        # Chromium makes sure that what it has opened to read cannot be written.
        return os.open(b"/proc/self/fd/%d" % descriptor, os.O_RDONLY | os.O_CLOEXEC)
    finally:
        os.close(descriptor)


def _permit(kernel: Kernel, context: Context, found: Found, flags: int) -> None:
    if context.ignores_permissions or not kernel.is_recorded(found):
        return
    access = flags & os.O_ACCMODE
    bits = READ | WRITE if access == os.O_RDWR else WRITE if access == os.O_WRONLY else READ
    owner = kernel.owners.of(found)
    need(context, owner, bits | (WRITE if flags & os.O_TRUNC else 0))
    if flags & os.O_NOATIME:
        need_owner(context, owner)


def _to_open(kernel: Kernel, found: Found) -> bytes:
    record = kernel.owners.record(found)
    if record is None or record.device is None:
        return found.path
    known = _KNOWN.get(record.device) if stat_module.S_ISCHR(record.mode or 0) else None
    if known is None:
        # As under docker, whose containers may not open other devices.
        raise failure(errno.EPERM)
    return known


def _may_become_its_terminal(found: Found, flags: int) -> bool:
    """Of a session whose leader has none (credentials(7))."""
    is_terminal = stat_module.S_ISCHR(found.mode) and os.major(found.rdev) in _TERMINALS
    return is_terminal and not flags & os.O_NOCTTY


def _by_itself(kernel: Kernel, call: Call, found: Found, flags: int) -> int | None:
    """Opened by the thread itself: a FIFO waits for its other end, a terminal may be the caller's."""
    host = os.readlink(found.path)
    if not host.startswith(b"/"):
        # A pipe, which has no name but the descriptor's.
        host = found.place or host
    kept = flags & ~(os.O_CREAT | os.O_EXCL)
    key, is_path = found.key, bool(flags & os.O_PATH)

    def done(task: int, result: int, given: int) -> None:
        if result >= 0 and is_path:
            kernel.need_seen(task, b"/proc/%d/fd/%d" % (task, result), key)

    order = Order("openat", {0: CURRENT, 2: kept, 3: 0}, {1: host + b"\0"}, {}, done, soon=is_path)
    kernel.redirects.start(call, order)
    return ANSWERED


def _create(kernel: Kernel, call: Call, where: tuple[int, bytes], wanted: Wanted) -> int | None:
    folder, path = where
    flags, _ = wanted
    if flags & os.O_DIRECTORY:
        raise failure(errno.EINVAL)
    if not flags & os.O_EXCL and not path.endswith(b"/"):
        try:
            found = kernel.lookup.find(call.task, folder, path, follow=not flags & os.O_NOFOLLOW)
        except FileNotFoundError:
            pass
        else:
            with found:
                if found.is_directory:
                    raise failure(errno.EISDIR)
                return _give(kernel, call, found, flags)
    parent, name = kernel.lookup.parent(call.task, folder, path)
    with parent:
        if name in (b"", b".", b".."):
            raise failure(errno.EISDIR if not flags & os.O_EXCL else errno.EEXIST)
        if path.endswith(b"/"):
            raise failure(errno.EISDIR)
        if not flags & os.O_EXCL and _is_link(parent, name):
            if flags & os.O_NOFOLLOW:
                raise failure(errno.ELOOP)
            return _create_behind_link(kernel, call, where, wanted)
        return _make(kernel, call, (parent, name), wanted)


def _is_link(parent: Found, name: bytes) -> bool:
    try:
        os.readlink(name, dir_fd=parent.descriptor)
    except OSError:
        return False
    return True


def _create_behind_link(kernel: Kernel, call: Call, where: tuple[int, bytes], wanted: Wanted) -> int | None:
    """The path ends in a link to what is not there: that is made."""
    context = kernel.contexts.of(call.task)
    located = kernel.lookup.locate(call.task, context, where, follow=True, missing=True)
    head, _, name = located.place.rpartition(b"/")
    with kernel.lookup.at_place(head) as parent:
        return _make(kernel, call, (parent, name), wanted)


def _make(kernel: Kernel, call: Call, where: tuple[Found, bytes], wanted: Wanted) -> int | None:
    parent, name = where
    flags, mode = wanted
    context = kernel.contexts.of(call.task)
    if not context.ignores_permissions:
        kernel.may_search(context, parent)
        _refuse_unless_missing(parent, name)
        kernel.may_change(context, parent)
    kernel.need_writable(parent)
    new = new_file(kernel, context, parent, stat_module.S_IFREG | mode)
    create = (flags & ~os.O_TRUNC) | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(name, create, new.permissions, dir_fd=parent.descriptor)
    try:
        made(kernel, os.fstat(descriptor), new)
        kernel.listener.give((call.cookie, call.task), descriptor, bool(flags & os.O_CLOEXEC))
    except OSError:
        # The caller has no room for the descriptor: then the kernel makes no file.
        os.unlink(name, dir_fd=parent.descriptor)
        raise
    finally:
        os.close(descriptor)
    return ANSWERED


def _refuse_unless_missing(parent: Found, name: bytes) -> None:
    try:
        os.stat(name, dir_fd=parent.descriptor, follow_symlinks=False)
    except FileNotFoundError:
        return
    raise failure(errno.EEXIST)


def _temporary(kernel: Kernel, call: Call, parent: Found, wanted: Wanted) -> int | None:
    flags, mode = wanted
    context = kernel.contexts.of(call.task)
    if not parent.is_directory:
        raise failure(errno.ENOTDIR)
    kernel.may_change(context, parent)
    kernel.need_writable(parent)
    new = new_file(kernel, context, parent, stat_module.S_IFREG | mode)
    descriptor = os.open(parent.path, flags & ~os.O_NOFOLLOW | os.O_CLOEXEC, new.permissions)
    try:
        made(kernel, os.fstat(descriptor), new)
        kernel.listener.give((call.cookie, call.task), descriptor, bool(flags & os.O_CLOEXEC))
    finally:
        os.close(descriptor)
    return ANSWERED


HANDLERS: Handlers = {"open": _open, "openat": _openat, "creat": _creat}
