"""Sockets that have a path, and inotify watches: only the thread itself can make these calls."""

from __future__ import annotations

import contextlib
import errno
import os
import stat as stat_module
import struct

from ci_builder.executors.supervisor.call import Call, failure
from ci_builder.executors.supervisor.context import NET_BIND_SERVICE
from ci_builder.executors.supervisor.found import Found
from ci_builder.executors.supervisor.kernel import ANSWERED, Handlers, Kernel
from ci_builder.executors.supervisor.lookup import CURRENT
from ci_builder.executors.supervisor.making import made, new_file
from ci_builder.executors.supervisor.names import is_there
from ci_builder.executors.supervisor.order import Order
from ci_builder.executors.supervisor.owners import New
from ci_builder.executors.supervisor.permissions import READ, WRITE, need

SOL_SOCKET, SO_PEERCRED = 1, 17
_UNIX = 1
_CREDENTIALS, _PROCESS = struct.Struct("=iII"), struct.Struct("=i")
_FAMILY = struct.Struct("=H")
_MESSAGE = struct.Struct("=QI4x5Q")  # struct msghdr
_MAX_ADDRESS = 128  # struct sockaddr_storage
_MAX_UNIX = 110
_MAX_PATH = 107
_ITSELF = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
_DONT_FOLLOW = 0x02000000  # IN_DONT_FOLLOW

_Where = tuple[int, int]  # the arguments that are an address and its length


def _address(call: Call, pointer: int, length: int) -> bytes:
    """A socket's address; empty for what is none."""
    length &= 0xFFFFFFFF
    address = call.read(pointer, length) if pointer and 2 < length <= _MAX_ADDRESS else b""
    is_unix = bool(address) and _FAMILY.unpack_from(address)[0] == _UNIX
    return b"" if is_unix and length > _MAX_UNIX else address


def _path(address: bytes) -> bytes | None:
    """The path of a socket's address; None for other addresses, abstract and unnamed ones."""
    if not address or _FAMILY.unpack_from(address)[0] != _UNIX or not address[2]:
        return None
    return address[2:].split(b"\0")[0]


def _connect(kernel: Kernel, call: Call) -> int | None:
    return _send(kernel, call, "connect", (1, 2))


def _sendto(kernel: Kernel, call: Call) -> int | None:
    return _send(kernel, call, "sendto", (4, 5))


def _sendmsg(kernel: Kernel, call: Call) -> int | None:
    """One with an address; what has none goes its way, as most of them have none."""
    message = list(_MESSAGE.unpack(call.read(call.arguments[1], _MESSAGE.size)))
    address = _reached(kernel, call, _address(call, message[0], message[1]))
    if address is None:
        return kernel.let_go_on(call)
    values = {0: call.arguments[0], 2: call.arguments[2]}
    kernel.redirects.start(call, Order("sendmsg", values, {}, {1: (address, len(address), *message[2:])}))
    return ANSWERED


def _send(kernel: Kernel, call: Call, name: str, where: _Where) -> int | None:
    address = _address(call, call.arguments[where[0]], call.arguments[where[1]])
    return _go_to(kernel, call, name, where, _reached(kernel, call, address))


def _reached(kernel: Kernel, call: Call, address: bytes) -> bytes | None:
    """The address to go to in place of ``address``; None: itself. Raises OSError."""
    path = _path(address)
    if path is None:
        return kernel.ports.reached(address)
    with kernel.lookup.find(call.task, CURRENT, _known_as(kernel, call, path)) as found:
        if kernel.is_recorded(found):
            need(kernel.contexts.of(call.task), kernel.owners.of(found), WRITE)
        if not stat_module.S_ISSOCK(found.mode):
            raise failure(errno.ECONNREFUSED)
        short = _shortened(kernel, os.readlink(found.path))
    return _FAMILY.pack(_UNIX) + short + b"\0"


def _known_as(kernel: Kernel, call: Call, path: bytes) -> bytes:
    """The path for the caller of what the kernel told it by the one out here (recvfrom(2)): an answer is sent
    there."""
    own = kernel.folder + b"/"
    if not path.startswith(own):
        return path
    link, slash, name = path.removeprefix(own).partition(b"/")
    try:
        place = kernel.view.place_of(os.readlink(own + link))
    except OSError:
        return path
    root = kernel.contexts.of(call.task).root
    if place is None or not (place + b"/").startswith(root + b"/"):
        return path
    return (place.removeprefix(root) + slash + name) or b"/"


def _go_to(
    kernel: Kernel, call: Call, name: str, where: tuple[int, int], address: bytes | None
) -> int | None:
    """The call with another address; None: with its own."""
    if address is None:
        return kernel.let_go_on(call)
    values = {index: call.arguments[index] for index in range(6) if index not in where}
    order = Order(name, values | {where[1]: len(address)}, {where[0]: address}, {})
    kernel.redirects.start(call, order)
    return ANSWERED


def _bind(kernel: Kernel, call: Call) -> int | None:
    address = _address(call, call.arguments[1], call.arguments[2])
    path = _path(address)
    if path is None:
        permitted = kernel.contexts.of(call.task).may(NET_BIND_SERVICE)
        return _go_to(kernel, call, "bind", (1, 2), kernel.ports.bound(address) if permitted else None)
    parent, name = kernel.lookup.parent(call.task, CURRENT, path)
    with parent:
        if name in (b"", b".", b".."):
            raise failure(errno.EADDRINUSE)
        context = kernel.contexts.of(call.task)
        kernel.may_search(context, parent)
        if is_there(parent, name):
            raise failure(errno.EADDRINUSE)
        if path.endswith(b"/"):
            raise failure(errno.ENOENT)
        kernel.may_change(context, parent)
        kernel.need_writable(parent)
        folder = os.readlink(parent.path)
        new = new_file(kernel, context, parent, stat_module.S_IFSOCK | 0o777 & ~context.umask)
    short = _shortened(kernel, folder) + b"/" + name
    elsewhere = b""
    if len(short) > _MAX_PATH:
        # Made under a short name, and given its own afterwards.
        short = elsewhere = kernel.folder + b"/b" + os.urandom(6).hex().encode()

    def done(task: int, result: int, given: int) -> None:
        if result == 0:
            # Another process may have removed the name, or the folder, already, or put a link there.
            with contextlib.suppress(OSError):
                _record_socket(kernel, new, (folder, name), elsewhere)

    address = _FAMILY.pack(_UNIX) + short + b"\0"
    values = {0: call.arguments[0], 2: len(address)}
    kernel.redirects.start(call, Order("bind", values, {1: address}, {}, done))
    return ANSWERED


def _record_socket(kernel: Kernel, new: New, where: tuple[bytes, bytes], elsewhere: bytes) -> None:
    """The socket ``new`` was bound at ``where`` (folder and name out here), or first ``elsewhere``. Raises
    OSError."""
    folder, name = where
    place = kernel.view.place_of(folder)
    if place is None:
        return
    with kernel.lookup.at_place(place) as above:
        if elsewhere:
            os.rename(elsewhere, name, dst_dir_fd=above.descriptor)
            os.symlink(folder + b"/" + name, elsewhere)  # by which the kernel goes on to call it
        with Found(os.open(name, _ITSELF, dir_fd=above.descriptor)) as socket:
            if stat_module.S_ISSOCK(socket.mode):
                os.chmod(socket.path, new.permissions)
                made(kernel, os.fstat(socket.descriptor), new)


def _shortened(kernel: Kernel, host: bytes) -> bytes:
    """A path out here that fits an address (unix(7): 108 bytes): a link to ``host``."""
    link = kernel.folder + b"/%x" % (hash(host) & 0xFFFFFFFFFFFF)
    if not os.path.islink(link):
        os.symlink(host, link)
    return link


def _peer(kernel: Kernel, call: Call) -> int | None:
    """SO_PEERCRED: the ids that the other side seems to have, as long as it is there (unix(7))."""
    target, length = call.arguments[3], call.arguments[4]

    def done(task: int, result: int, given: int) -> None:
        with contextlib.suppress(OSError):
            size = min(int.from_bytes(call.read(length, 4), "little"), _CREDENTIALS.size)
            if result == 0 and size >= _PROCESS.size:
                process = _PROCESS.unpack(call.read(target, _PROCESS.size))[0]
                context = kernel.contexts.of(process)
                told = _CREDENTIALS.pack(process, context.user.effective, context.group.effective)
                call.write(target, told[:size])

    values = dict(enumerate(call.arguments[:5]))
    kernel.redirects.start(call, Order("getsockopt", values, {}, {}, done))
    return ANSWERED


def _watch(kernel: Kernel, call: Call) -> int | None:
    descriptor, path, mask, *_ = call.arguments
    follow = not mask & _DONT_FOLLOW
    with kernel.lookup.find(call.task, CURRENT, call.text(path), follow=follow) as found:
        if kernel.is_recorded(found):
            need(kernel.contexts.of(call.task), kernel.owners.of(found), READ)
        host = os.readlink(found.path)
    order = Order("inotify_add_watch", {0: descriptor, 2: mask}, {1: host + b"\0"}, {})
    kernel.redirects.start(call, order)
    return ANSWERED


HANDLERS: Handlers = {
    "connect": _connect,
    "sendto": _sendto,
    "sendmsg": _sendmsg,
    "bind": _bind,
    "getsockopt": _peer,
    "inotify_add_watch": _watch,
}
