"""Files of /proc whose content is not the whole truth for the command: they are written anew (proc(5))."""

from __future__ import annotations

from ci_builder.executors.supervisor.context import Context
from ci_builder.executors.supervisor.kernel import Kernel
from ci_builder.patterns import pattern

_FILE = pattern(rb"/proc/(\d+)(?:/task/\d+)?/(status|maps|limits|net/dev)")
# Limits that carry something of ours (room.py, context.py), and look unlimited.
_CARRYING = (b"Max file locks", b"Max resident set")
_LIMITS, _UNITS = 26, 68  # where the values begin and end in a line of limits
_LOOPBACK_LINES = (b"Inter-", b" face", b"    lo:")


def content(kernel: Kernel, place: bytes) -> bytes | None:
    """What the command reads at the real path ``place`` of the image; None: what the kernel has there.
    Raises OSError."""
    match = _FILE.fullmatch(place)
    if match is None:
        return None
    kind = match[2]
    if kind == b"net/dev" and kernel.network:
        return None
    with open(place, "rb") as file:
        lines = file.read().splitlines(keepends=True)
    if kind == b"status":
        context = kernel.contexts.of(int(match[1]))
        return b"".join(_status_line(line, context) for line in lines)
    if kind == b"limits":
        return b"".join(_limits_line(line) for line in lines)
    if kind == b"maps":
        return b"".join(_maps_line(kernel, line) for line in lines)
    return b"".join(line for line in lines if line.startswith(_LOOPBACK_LINES))


def _status_line(line: bytes, context: Context) -> bytes:
    name = line.split(b":", 1)[0].decode("ascii", "replace")
    user, group = context.user, context.group
    ids = {
        "Uid": (user.real, user.effective, user.saved, user.file),
        "Gid": (group.real, group.effective, group.saved, group.file),
    }
    sets = {
        "CapInh": context.inheritable,
        "CapPrm": context.permitted,
        "CapEff": context.effective,
        "CapBnd": context.bounding,
    }
    if name in ids:
        return f"{name}:\t{chr(9).join(map(str, ids[name]))}\n".encode()
    if name in sets:
        return f"{name}:\t{sets[name]:016x}\n".encode()
    if name == "Groups":
        return f"Groups:\t{' '.join(map(str, context.groups))} \n".encode()
    if name == "Umask":
        return f"Umask:\t{context.umask:04o}\n".encode()
    if name == "NoNewPrivs":
        return f"NoNewPrivs:\t{int(context.no_new_privileges)}\n".encode()
    return line


def _limits_line(line: bytes) -> bytes:
    if not line.startswith(_CARRYING):
        return line
    return line[:_LIMITS] + 2 * b"unlimited".ljust(21) + line[_UNITS:]


def _maps_line(kernel: Kernel, line: bytes) -> bytes:
    head, slash, path = line.rstrip(b"\n").partition(b"/")
    if not slash:
        return line
    host = b"/" + path
    place = kernel.executables.place_of(host) or kernel.view.place_of(host)
    return line if place is None else head + place + b"\n"
