"""POSIX access control lists as Linux has them (acl(5); the values of their extended attributes)."""

from __future__ import annotations

import errno
import struct
from collections.abc import Iterable

from ci_builder.executors.supervisor.call import failure
from ci_builder.executors.supervisor.context import Context

ACCESS, DEFAULT = "system.posix_acl_access", "system.posix_acl_default"
USER_OBJ, USER, GROUP_OBJ, GROUP, MASK, OTHER = 0x01, 0x02, 0x04, 0x08, 0x10, 0x20
_VERSION = b"\x02\0\0\0"
_ENTRY = struct.Struct("<HHI")
_NOBODY = 0xFFFFFFFF

Entry = tuple[int, int, int]
"""Tag, permissions and id."""


def parse(value: bytes) -> list[Entry]:
    """The entries of an attribute's ``value``, none where it asks for removal. Raises OSError as setting
    it does: EOPNOTSUPP for another version, EINVAL for what is no list."""
    if len(value) < len(_VERSION):
        raise failure(errno.EINVAL)
    if value[: len(_VERSION)] != _VERSION:
        raise failure(errno.EOPNOTSUPP)
    if (len(value) - len(_VERSION)) % _ENTRY.size:
        raise failure(errno.EINVAL)
    entries = list(_ENTRY.iter_unpack(value[len(_VERSION) :]))
    if entries and not _is_valid(entries):
        raise failure(errno.EINVAL)
    return entries


def value_of(entries: Iterable[Entry]) -> bytes:
    """The attribute's value."""
    return _VERSION + b"".join(_ENTRY.pack(*entry) for entry in entries)


def says_more(entries: Iterable[Entry]) -> bool:
    """Whether it says more than a mode can."""
    return any(tag in (USER, GROUP, MASK) for tag, _, _ in entries)


def permissions(entries: Iterable[Entry]) -> int:
    """The nine bits of a mode that stand for it."""
    bits = {tag: allowed for tag, allowed, _ in entries if tag not in (USER, GROUP)}
    return bits[USER_OBJ] << 6 | bits.get(MASK, bits[GROUP_OBJ]) << 3 | bits[OTHER]


def known(value: bytes) -> list[Entry]:
    """The same of what is recorded: none where it is no list, as a layer may have brought it."""
    try:
        return parse(value)
    except OSError:
        return []


def changed(value: bytes, mode: int) -> bytes:
    """An access list after a chmod to ``mode``."""
    entries = known(value)
    if not entries:
        return value
    return value_of((tag, _bits(entries, tag, mode, allowed), who) for tag, allowed, who in entries)


def inherited(entries: list[Entry], mode: int) -> tuple[bytes, int]:
    """What a new file of st_mode ``mode`` gets of its directory's default list: its access list, empty
    where its mode says it all, and its mode. The umask does not count then."""
    entries = [(tag, allowed & _bits(entries, tag, mode, allowed), who) for tag, allowed, who in entries]
    mode = mode & ~0o777 | permissions(entries)
    return value_of(entries) if says_more(entries) else b"", mode


def grants(entries: list[Entry], context: Context, gid: int, wanted: int) -> bool:
    """Whether the access list of a file of the group ``gid`` gives the ``wanted`` bits to ``context``, which
    does not own it. In the order of acl(5)."""
    mask = next((allowed for tag, allowed, _ in entries if tag == MASK), 7)
    for tag, allowed, who in entries:
        if tag == USER and who == context.user.file:
            return not wanted & ~(allowed & mask)
    groups = [
        allowed
        for tag, allowed, who in entries
        if tag in (GROUP_OBJ, GROUP) and context.is_in_group(gid if tag == GROUP_OBJ else who)
    ]
    if groups:
        return any(not wanted & ~(allowed & mask) for allowed in groups)
    return any(tag == OTHER and not wanted & ~allowed for tag, allowed, _ in entries)


def _bits(entries: list[Entry], tag: int, mode: int, allowed: int) -> int:
    """What of ``mode`` is the entry of ``tag``; named ones stay, and the owning group where there is a
    mask."""
    if tag == USER_OBJ:
        return mode >> 6 & 7
    if tag == OTHER:
        return mode & 7
    masked = any(kind == MASK for kind, _, _ in entries)
    return mode >> 3 & 7 if tag == (MASK if masked else GROUP_OBJ) else allowed


def _is_valid(entries: list[Entry]) -> bool:
    tags = [tag for tag, _, _ in entries]
    once = all(tags.count(tag) == 1 for tag in (USER_OBJ, GROUP_OBJ, OTHER)) and tags.count(MASK) <= 1
    all_tags = {USER_OBJ, USER, GROUP_OBJ, GROUP, MASK, OTHER}
    named = [who for tag, _, who in entries if tag in (USER, GROUP)]
    plain = all(tag in all_tags and not allowed & ~7 for tag, allowed, _ in entries)
    return once and plain and tags == sorted(tags) and _NOBODY not in named and (not named or MASK in tags)
