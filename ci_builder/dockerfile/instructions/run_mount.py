"""RUN --mount."""

from __future__ import annotations

import csv
import posixpath
import re
from collections.abc import Callable

from ci_builder.dockerfile.reader import Line
from ci_builder.errors import did_you_mean
from ci_builder.patterns import pattern
from ci_builder.values import dataclass, field

_SHORT = {"src": "source", "dst": "target", "destination": "target", "ro": "readonly", "rw": "readwrite"}
_KINDS = {
    "bind": frozenset({"from", "source", "target", "readonly", "readwrite"}),
    "cache": frozenset(
        {"id", "target", "from", "source", "sharing", "mode", "uid", "gid", "readonly", "readwrite"}
    ),
    "tmpfs": frozenset({"target", "size"}),
    "secret": frozenset({"id", "target", "source", "required", "mode", "uid", "gid", "env"}),
    "ssh": frozenset({"id", "target", "required", "mode", "uid", "gid"}),
}
_SWITCHES = frozenset({"readonly", "readwrite", "required"})
_TRUE, _FALSE = ("1", "t", "true"), ("0", "f", "false")
_SHARING = ("shared", "private", "locked")
_MODES = {"cache": 0o755, "secret": 0o400, "ssh": 0o600}
_SIZE = pattern(r"([0-9]+(?:\.[0-9]+)?)\s?([kmgtp]?)i?b?", re.IGNORECASE)

Expand = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class RunMount:
    """``--mount=type=bind|cache|tmpfs|secret|ssh[,key=value…]``, one of them.

    ``target`` is absolute, or relative to the working directory; empty: the kind's own default. ``origin``
    is what ``from`` says (empty: the build context for a bind, nothing for a cache). ``mode`` has 9 bits and
    is used for what is made; ``size`` is in bytes, 0: none is given.
    """

    kind: str
    target: str = ""
    source: str = ""
    origin: str = ""
    id: str = ""
    read_only: bool = False
    sharing: str = "shared"
    mode: int = 0
    uid: int = 0
    gid: int = 0
    size: int = 0
    required: bool = False
    env: str = ""

    @property
    def seeded(self) -> bool:
        """Whether a cache begins as what ``source`` of ``from`` names, with its owner and mode; else it is
        empty, with those of the mount. As BuildKit has it (dispatchRunMounts)."""
        whole = posixpath.normpath("/" + self.source) == "/"
        plain = (self.uid, self.gid, self.mode) == (0, 0, _MODES["cache"])
        return bool(self.origin) and (plain or not whole)


def parse_mount(line: Line, text: str, expand: Expand | None = None) -> RunMount:
    """The mount that ``text`` (behind ``--mount=``) means; ``expand`` replaces the variables in values.
    Raises DockerfileError. Source: Dockerfile reference, "RUN --mount"."""
    mount = _Fields(line, text)
    for item in _split(line, text):
        mount.add(item, expand)
    return mount.make()


def origin_of(line: Line, text: str) -> str:
    """What ``from`` says in it, before variables are known. Raises DockerfileError."""
    found = ""
    for item in _split(line, text):
        key, _, value = item.partition("=")
        if key.strip().lower() == "from":
            found = value
            if "$" in value:
                raise line.error(
                    "variable expansion is not supported for from of --mount",
                    hint="define a new stage with FROM using ARG from global scope as a workaround",
                )
    return found


def _split(line: Line, text: str) -> list[str]:
    try:
        return next(csv.reader([text], strict=True), [])
    except csv.Error as error:
        raise line.error(f"--mount={text}: {error}") from error


@dataclass(slots=True)
class _Fields:
    line: Line
    text: str
    given: dict[str, str] = field(default_factory=dict)

    def add(self, item: str, expand: Expand | None) -> None:
        key, equals, value = item.partition("=")
        key = key.strip().lower()
        key = _SHORT.get(key, key)
        if not equals and key not in _SWITCHES:
            raise self.error(f"{item!r} needs a value", f"write {key}=…")
        if expand is not None and key != "from":
            value = expand(value)
        if key in self.given:
            raise self.error(f"{key} is given twice")
        self.given[key] = value if equals else "true"

    def make(self) -> RunMount:
        kind = self.given.pop("type", "bind").lower()
        if kind not in _KINDS:
            raise self.error(f"unknown type {kind!r}", f"it is one of {', '.join(_KINDS)}")
        for key in self.given:
            if key not in _KINDS[kind]:
                known = any(key in keys for keys in _KINDS.values())
                close = "" if known else did_you_mean(key, sorted(_KINDS[kind]))
                what = f"{key} is not for type={kind}" if known else f"unknown key {key!r}"
                raise self.error(what, close or f"the keys are {', '.join(sorted(_KINDS[kind]))}")
        if kind in ("bind", "cache", "tmpfs") and not self.given.get("target"):
            raise self.error(f"type={kind} needs a target", "add target=/path")
        return RunMount(
            kind,
            target=self._target(kind),
            source=self.given.get("source", ""),
            origin=self.given.get("from", ""),
            id=self._id(kind),
            read_only=self._read_only(kind),
            sharing=self._sharing(),
            mode=self._number("mode", 8, 0o7777) if "mode" in self.given else _MODES.get(kind, 0),
            uid=self._number("uid", 10, 0xFFFFFFFE),
            gid=self._number("gid", 10, 0xFFFFFFFE),
            size=self._size(),
            required=self._switch("required"),
            env=self._variable(),
        )

    def error(self, reason: str, hint: str = "") -> Exception:
        return self.line.error(f"--mount={self.text}: {reason}", hint=hint)

    def _variable(self) -> str:
        name = self.given.get("env", "")
        if "=" in name or "\0" in name:
            raise self.error(f"env is the name of a variable, not {name!r}")
        return name

    def _target(self, kind: str) -> str:
        target = self.given.get("target", "")
        if kind != "secret" or target or self.given.get("env"):
            return target
        return "/run/secrets/" + posixpath.basename(self._id(kind))

    def _id(self, kind: str) -> str:
        given = self.given.get("id", "")
        if kind == "ssh":
            return given or "default"
        if kind != "secret":
            return given
        if given and self.given.get("source"):
            raise self.error("source and id of a secret are the same: give one of them")
        found = given or self.given.get("source", "") or posixpath.basename(self.given.get("target", ""))
        found = found or self.given.get("env", "")
        if not found:
            raise self.error("a secret needs an id", "add id=NAME")
        return found

    def _read_only(self, kind: str) -> bool:
        if "readonly" in self.given and "readwrite" in self.given:
            raise self.error("readonly and readwrite exclude each other")
        if "readwrite" in self.given:
            return not self._switch("readwrite")
        if "readonly" in self.given:
            return self._switch("readonly")
        return kind == "bind"

    def _sharing(self) -> str:
        sharing = self.given.get("sharing", "shared").lower()
        if sharing not in _SHARING:
            raise self.error(f"unknown sharing {sharing!r}", f"it is one of {', '.join(_SHARING)}")
        return sharing

    def _switch(self, key: str) -> bool:
        value = self.given.get(key, "false").lower()
        if value not in _TRUE + _FALSE:
            raise self.error(f"{key} is true or false, not {value!r}")
        return value in _TRUE

    def _number(self, key: str, base: int, most: int) -> int:
        text = self.given.get(key, "0")
        # As Go's ParseUint: int() would take signs, prefixes and underscores.
        digits = text.isascii() and text.isdigit() and not (base == 8 and set(text) & {"8", "9"})
        number = int(text, base) if digits else -1
        if not 0 <= number <= most:
            raise self.error(f"{key}={text} is no {'mode' if base == 8 else 'number'} that can be used")
        return number

    def _size(self) -> int:
        text = self.given.get("size", "")
        if not text:
            return 0
        found = _SIZE.fullmatch(text.strip())
        if not found:
            raise self.error(f"size={text} is no size", "write a number with k, m or g behind it")
        return int(float(found[1]) * 1024 ** " kmgtp".index(found[2].lower() or " "))
