"""The working directory and the root directory of a process."""

from __future__ import annotations

import errno
import os

from ci_builder.executors.linux.task import signed
from ci_builder.executors.supervisor.call import Call, failure
from ci_builder.executors.supervisor.context import SYS_CHROOT
from ci_builder.executors.supervisor.found import Found
from ci_builder.executors.supervisor.kernel import ANSWERED, Handlers, Kernel
from ci_builder.executors.supervisor.lookup import CURRENT
from ci_builder.executors.supervisor.order import Order
from ci_builder.executors.supervisor.permissions import EXECUTE, need
from ci_builder.values import replace


def _chdir(kernel: Kernel, call: Call) -> int | None:
    path = call.text(call.arguments[0])
    with kernel.lookup.find(call.task, CURRENT, path) as found:
        if not found.is_directory:
            raise failure(errno.ENOTDIR)
        _enter(kernel, call, found)
        host = _host(found, path)
        key = found.key

    def done(task: int, result: int, given: int) -> None:
        if result == 0:
            kernel.need_seen(task, b"/proc/%d/cwd" % task, key)

    kernel.redirects.start(call, Order("chdir", {}, {0: host + b"\0"}, {}, done, soon=True))
    return ANSWERED


def _host(found: Found, path: bytes) -> bytes:
    """The path for the kernel; where the whole one is too long for it, a single name will do."""
    try:
        return os.readlink(found.path)
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG or b"/" in path:
            raise
        return path


def _fchdir(kernel: Kernel, call: Call) -> int | None:
    context = kernel.contexts.of(call.task)
    if not context.ignores_permissions:
        if signed(call.arguments[0]) < 0:
            raise failure(errno.EBADF)
        with kernel.lookup.by_descriptor(call.task, signed(call.arguments[0])) as found:
            if not found.is_directory:
                raise failure(errno.ENOTDIR)
            _enter(kernel, call, found)
    return kernel.let_go_on(call)


def _enter(kernel: Kernel, call: Call, found: Found) -> None:
    if kernel.is_recorded(found):
        need(kernel.contexts.of(call.task), kernel.owners.of(found), EXECUTE)


def _getcwd(kernel: Kernel, call: Call) -> int:
    into, size, *_ = call.arguments
    host = os.readlink(b"/proc/%d/cwd" % call.task)
    if host.endswith(b" (deleted)") and not os.path.isdir(host):
        raise failure(errno.ENOENT)
    place = kernel.view.place_of(host)
    root = kernel.contexts.of(call.task).root
    if place is None or not (place + b"/").startswith(root + b"/"):
        path = b"(unreachable)" + (place if place is not None else host)
    else:
        path = place[len(root) :] or b"/"
    data = path + b"\0"
    if len(data) > size:
        raise failure(errno.ERANGE)
    call.write(into, data)
    return len(data)


def _chroot(kernel: Kernel, call: Call) -> int:
    context = kernel.contexts.of(call.task)
    path = call.text(call.arguments[0])
    located = kernel.lookup.locate(call.task, context, (CURRENT, path), follow=True)
    with kernel.lookup.found_at(located) as found:
        if not found.is_directory:
            raise failure(errno.ENOTDIR)
        _enter(kernel, call, found)
        if not context.may(SYS_CHROOT):
            raise failure(errno.EPERM)
        place = kernel.view.place_of(os.readlink(found.path))
    if place is None:
        raise failure(errno.ENOENT)
    kernel.contexts.put(call.task, replace(context, root=place.rstrip(b"/")))
    return 0


HANDLERS: Handlers = {"chdir": _chdir, "fchdir": _fchdir, "getcwd": _getcwd, "chroot": _chroot}
