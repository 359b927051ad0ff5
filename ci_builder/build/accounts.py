"""Users and groups of a root file system: what USER and --chown mean in numbers.

The rules are runc's (``user.GetExecUser``), which docker and BuildKit follow.
"""

from __future__ import annotations

from collections.abc import Iterator

from ci_builder.errors import CiBuilderError
from ci_builder.values import dataclass

_MAX_ID = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Account:
    """A resolved user: ids, supplementary ``groups``, ``gid`` among them (who drops it would pass where that
    group is shut out, CVE-2022-36109), and home directory (``/`` when unknown)."""

    uid: int = 0
    gid: int = 0
    groups: tuple[int, ...] = (0,)
    home: str = "/"


def resolve_user(text: str, passwd: bytes, group: bytes) -> Account:
    """What USER's ``text`` (``name``, ``uid``, ``name:group``, ``uid:gid``; empty: root) means.

    ``passwd`` and ``group`` are the files' contents, empty when there are none. A number needs no
    entry; a name does. Supplementary groups come from the group file unless a group is given. Where both are
    numbers, ``root`` is one: 0 (BuildKit's ParseUIDGID). Raises CiBuilderError.
    """
    user_text, colon, group_text = text.partition(":")
    numbers = ["0" if name == "root" else name for name in (user_text, group_text)]
    if None not in map(_number, numbers):
        user_text, group_text = numbers
    entry = _find_user(user_text or "0", passwd)
    if colon and group_text:
        gid = _find_group(group_text, group)
        return Account(entry.uid, gid, (gid,), entry.home)
    groups = sorted({entry.gid, *_memberships(entry.name, group)})
    return Account(entry.uid, entry.gid, tuple(groups), entry.home)


def resolve_owner(text: str, passwd: bytes, group: bytes) -> tuple[int, int]:
    """What --chown's ``text`` means: (uid, gid).

    Without a group the user's own group is taken, for a number without an entry the same number
    (Dockerfile reference, "COPY --chown"). ``root`` is 0, as in BuildKit, whatever the files say. Raises
    CiBuilderError.
    """
    user_text, colon, group_text = text.partition(":")
    user_text, group_text = ("0" if name == "root" else name for name in (user_text, group_text))
    if not user_text:
        uid, own_gid = 0, 0
    elif (number := _number(user_text)) is not None:
        uid, own_gid = number, number
    else:
        entry = _find_user(user_text, passwd)
        uid, own_gid = entry.uid, entry.gid
    if colon and group_text:
        return uid, _find_group(group_text, group)
    return uid, own_gid


class UnknownName(CiBuilderError):
    """A user or a group that the image has no entry for."""


def resolve_maker(text: str, passwd: bytes, group: bytes) -> tuple[int, int]:
    """Whose a directory is that WORKDIR makes: as ``resolve_owner``, but a name without an entry counts for
    nothing, as in BuildKit: nothing is run yet. Raises CiBuilderError."""
    user_text, _, group_text = text.partition(":")
    try:
        uid, gid = resolve_owner(user_text, passwd, group)
    except UnknownName:
        uid, gid = 0, 0
    try:
        return uid, resolve_owner(f"0:{group_text}", passwd, group)[1] if group_text else gid
    except UnknownName:
        return uid, gid


@dataclass(frozen=True, slots=True)
class _Entry:
    name: str
    uid: int
    gid: int
    home: str


def _find_user(text: str, passwd: bytes) -> _Entry:
    number = _number(text)
    for fields in _records(passwd, 6):
        uid, gid = _number(fields[2]), _number(fields[3])
        if uid is None or gid is None:
            continue
        if fields[0] == text or uid == number:
            return _Entry(fields[0], uid, gid, fields[5] or "/")
    if number is None:
        raise UnknownName(
            f"there is no user {text!r} in the image's /etc/passwd",
            hint="create it in an earlier RUN, or use a number",
        )
    return _Entry("", number, 0, "/")


def _find_group(text: str, group: bytes) -> int:
    number = _number(text)
    for fields in _records(group, 3):
        gid = _number(fields[2])
        if gid is not None and (fields[0] == text or gid == number):
            return gid
    if number is None:
        raise UnknownName(
            f"there is no group {text!r} in the image's /etc/group",
            hint="create it in an earlier RUN, or use a number",
        )
    return number


def _memberships(name: str, group: bytes) -> Iterator[int]:
    for fields in _records(group, 4):
        gid = _number(fields[2])
        if gid is not None and name and name in fields[3].split(","):
            yield gid


def _records(text: bytes, at_least: int) -> list[list[str]]:
    lines = text.decode("utf-8", "surrogateescape").splitlines()
    fields = [line.strip().split(":") for line in lines if not line.startswith("#")]
    return [item for item in fields if len(item) >= at_least]


def _number(text: str) -> int | None:
    if not text.isascii() or not text.isdigit():
        return None
    value = int(text)
    if value > _MAX_ID:
        raise CiBuilderError(f"the id {text} is larger than {_MAX_ID}")
    return value
