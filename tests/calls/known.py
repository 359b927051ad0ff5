"""Where the executor ``ptrace`` differs from a real root, and why: lines of scripts.

A line that is listed here and agrees fails the test: then it can go.
"""

from __future__ import annotations

from collections.abc import Mapping

_TYPES = "readdir tells the type of the file that stands in for a device"
_ADDRESS = "the kernel knows a socket by the path out here"
_THREADS = "threads of a process share their ids"
_TRUSTED = "trusted attributes are recorded, which docker's root may not set"
_DUMPABLE = "a process stays readable, or the supervisor could not answer its calls"

KNOWN: Mapping[str, tuple[str, tuple[int, ...]]] = {
    "capabilities": ("there are no ambient capabilities", (38,)),
    "linkat AT_EMPTY_PATH": ("who opened a descriptor is not known", (10,)),
    "descriptors-are-the-lowest": ("a path is looked up before there is a descriptor for it", (18,)),
    "devices": (_TYPES, (18,)),
    "devices-opened": ("an opened device is the machine's own", (7,)),
    "exec-by-descriptor": ("a script can be executed by a descriptor that is closed then", (58, 59, 69)),
    "exec-scripts": ("a first line of more than 256 bytes is cut at another place", (31,)),
    "folders": (_TYPES, (52, 57)),
    "ids-of-threads": (_THREADS, (7, 8)),
    "proc": ("the real user's permission is looked at first", (55,)),
    "process-attributes": (_DUMPABLE, (4, 16)),
    "renameat2 RENAME_NOREPLACE to": ("a name's length is looked at first", (76, 147)),
    "setuid-bits-cleared-by-writing": ("bits go when a file is opened for writing", (11,)),
    "sockets-addresses": (_ADDRESS, (6, 7, 11, 14, 20, 22, 24, 27)),
    "umask-shared": ("processes that share a umask each have their own", (6,)),
    "xattrs-trusted": (_TRUSTED, (5, 6, 7, 11, 12, 13, 14, 16)),
}
"""By script or call: the reason, and the numbers of its lines."""


def unknown(name: str, executor: str, found: list[str]) -> list[str]:
    """What of ``found`` is not known, and what is known and was not found."""
    if executor != "ptrace" or name not in KNOWN:
        return found
    reason, lines = KNOWN[name]
    starts = tuple(f"line {number}:" for number in lines)
    rest = [text for text in found if not text.startswith(starts)]
    agreed = [start for start in starts if not any(text.startswith(start) for text in found)]
    return rest + [f"{start} it agrees by now; known was: {reason}" for start in agreed]
