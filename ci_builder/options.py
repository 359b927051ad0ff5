"""Values of options as docker writes them, shared by the command line and the CI inputs: text -> values.

Sources: the reference of ``docker buildx build`` and the inputs of docker's build-push-action.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from ci_builder.dockerfile.durations import parse_duration
from ci_builder.errors import UsageError
from ci_builder.oci.reference import Reference
from ci_builder.patterns import pattern
from ci_builder.request import (
    NETWORKS,
    UNLIMITED,
    Annotation,
    CachePlace,
    OutputSpec,
    ResourceLimit,
    SecretSpec,
)

_DIGITS = 15  # of a number
_LONG = {"d": 24 * 3600, "w": 7 * 24 * 3600}
_SIZE = pattern(r"([0-9]{1,15}(?:\.[0-9]{1,6})?) ?(?:([kmgt])(i)?)?b?", re.IGNORECASE)
_TRUE = frozenset(("true", "1"))
_FALSE = frozenset(("false", "0", ""))
_LIMIT = pattern(r"-1|[0-9]{1,18}")

ULIMITS = tuple(
    """core cpu data fsize memlock msgqueue nice nofile nproc rss rtprio rttime sigpending stack""".split()
)
"""What can be limited, in docker's words."""

ANNOTATED = ("manifest", "index", "manifest-descriptor", "index-descriptor")
"""What can be annotated, in buildx' words."""


def boolean(text: str, name: str) -> bool:
    """``true``/``1`` or ``false``/``0``/nothing, in any case. Raises UsageError that names ``name``."""
    lowered = text.strip().lower()
    if lowered in _TRUE:
        return True
    if lowered in _FALSE:
        return False
    raise UsageError(f"{name} is true or false, not {text!r}")


def pair(text: str, name: str) -> tuple[str, str]:
    """``key=value``, split at the first ``=``; the value may be empty. Raises UsageError."""
    key, equals, value = text.partition("=")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise UsageError(f"{name}: {_shown(text)} is not UTF-8") from error
    if not equals or not key.strip():
        raise UsageError(f"{name}: expected key=value, not {_shown(text)}")
    return key.strip(), value


def annotation(text: str, name: str) -> tuple[Annotation, ...]:
    """``[TYPE[PLATFORM][,TYPE…]:]key=value`` as buildx has it, one for each TYPE; without, the manifest's.

    Raises UsageError.
    """
    kinds, colon, rest = text.partition(":")
    found = [_level(item) for item in kinds.split(",")] if colon else [None]
    if None in found:
        return (Annotation(*pair(text, name)),)
    key, value = pair(rest, name)
    return tuple(Annotation(key, value, *level) for level in found if level is not None)


def _level(text: str) -> tuple[str, str] | None:
    """What ``TYPE[PLATFORM]`` annotates, None if it is no such thing."""
    level, bracket, platform = text.strip().partition("[")
    if level not in ANNOTATED or (bracket and not platform.endswith("]")):
        return None
    return level, platform.removesuffix("]")


def label(text: str, name: str = "label") -> tuple[str, str]:
    """``key=value`` or ``key`` alone, whose value is empty then. Raises UsageError."""
    return pair(text if "=" in text else f"{text}=", name)


def build_argument(text: str, environment: Mapping[str, str]) -> tuple[str, str] | None:
    """``NAME=value``; ``NAME`` alone takes the variable of that name, None if there is none."""
    if "=" in text:
        return pair(text, "build-arg")
    name = text.strip()
    if not name:
        raise UsageError("build-arg: expected NAME=VALUE or NAME, not nothing")
    return pair(f"{name}={environment[name]}", "build-arg") if name in environment else None


def output(text: str) -> OutputSpec:
    """``type=…,dest=…,key=value``; a path alone is ``type=local``, ``-`` alone a tar on standard output.

    Raises UsageError.
    """
    if "=" not in text:
        return OutputSpec("tar", "-") if text == "-" else OutputSpec("local", text)
    found = [(_lowered(key), value) for key, value in attributes(text, "output")]
    for key, _ in found:
        if [name for name, _ in found].count(key) > 1:
            raise UsageError(f"output: {key} is given twice in {text!r}")
    rest = tuple((key, value) for key, value in found if key not in ("type", "dest"))
    kind = dict(found).get("type", "")
    if not kind:
        raise UsageError(f"output: no type in {text!r}")
    return OutputSpec(kind, dict(found).get("dest", ""), rest)


def secret(text: str, environment: Mapping[str, str]) -> SecretSpec:
    """``id=NAME`` with ``src=PATH`` or ``env=VARIABLE``; with neither, the variable NAME if there is one,
    else the file NAME. Raises UsageError."""
    known = {"id", "src", "source", "env", "type"}
    found = dict(attributes(text, "secret"))
    unknown = sorted(found.keys() - known)
    name = found.get("id", "")
    source = found.get("src") or found.get("source") or ""
    variable = found.get("env", "")
    if unknown or not name:
        what = f"secret: unknown {unknown[0]!r}" if unknown else "secret: an id is needed"
        raise UsageError(what, hint="write id=NAME,src=FILE or id=NAME,env=VARIABLE")
    kind = found.get("type", "env" if variable else "")
    if kind not in ("", "env", "file"):
        raise UsageError(f"secret {name}: the type is env or file, not {kind!r}")
    if kind == "env" and not variable:
        source, variable = "", source or name
    if not source and not variable and kind != "file" and name in environment:
        variable = name
    if variable:
        return _secret_of_variable(name, variable, environment)
    return SecretSpec(name, source=Path(source or name))


def ssh(text: str) -> tuple[str, str]:
    """``default``, ``id`` or ``id=path``: the path is empty for the agent. Raises UsageError."""
    name, _, path = text.partition("=")
    if not name.strip():
        raise UsageError(f"ssh: an id is needed in {text!r}")
    return name.strip(), path


def ulimit(text: str, name: str) -> ResourceLimit:
    """``nofile=SOFT[:HARD]``; -1 is unlimited. Raises UsageError."""
    kind, value = pair(text, name)
    if kind == "locks":
        raise UsageError(f"{name} locks has no effect", hint="remove it: Linux does not look at it")
    if kind not in ULIMITS:
        raise UsageError(f"{name}: unknown limit {kind!r}", hint=f"it is one of {', '.join(ULIMITS)}")
    soft, colon, hard = value.partition(":")
    numbers = [soft, hard if colon else soft]
    if not all(_LIMIT.fullmatch(number) for number in numbers):
        raise UsageError(f"{name}: {text!r} is not {kind}=SOFT[:HARD], numbers or -1 for unlimited")
    found = ResourceLimit(kind, int(numbers[0]), int(numbers[1]))
    if found.hard != UNLIMITED and (found.soft == UNLIMITED or found.soft > found.hard):
        raise UsageError(f"{name}: the soft limit of {text!r} is higher than the hard one")
    return found


def network(text: str, name: str) -> str:
    """One of NETWORKS, empty for the first. Raises UsageError."""
    found = text.strip() or NETWORKS[0]
    if found not in NETWORKS:
        raise UsageError(f"{name}: unknown network {found!r}", hint=f"it is one of {', '.join(NETWORKS)}")
    return found


def time_limit(text: str, name: str) -> float:
    """Seconds of a duration such as ``30m`` or ``1h30m``; nothing and 0 are no limit. Raises UsageError."""
    if not text.strip():
        return 0
    try:
        found = parse_duration(text.strip())
    except ValueError as error:
        raise UsageError(f"{name}: {error}") from error
    if found < 0:
        raise UsageError(f"{name}: {text!r} is less than nothing")
    return found / 1e9


def cache_places(texts: Iterable[str], name: str) -> tuple[CachePlace, ...]:
    """``type=…,key=value``, each a place; a reference alone is ``type=registry,ref=…``. Raises UsageError."""
    return tuple(_cache_place(text, name) for text in texts)


def _cache_place(text: str, name: str) -> CachePlace:
    if "=" not in text:
        if not text.strip():
            raise UsageError(f"{name} is empty")
        return CachePlace("registry", (("ref", text.strip()),))
    found = [(_lowered(key), value) for key, value in attributes(text, name)]
    for key, value in found:
        if key == "tag" and not value:
            raise UsageError(f"{name}: tag= is empty in {text!r}", hint="name one, or leave it out")
        if [other for other, _ in found].count(key) > 1:
            raise UsageError(f"{name}: {key} is given twice in {text!r}")
    rest = tuple((key, value) for key, value in found if key != "type")
    return CachePlace(dict(found).get("type", "registry"), rest)


def number(text: str, name: str) -> int:
    """A whole number that is not negative. Raises UsageError."""
    if not (text.isascii() and text.isdigit()):
        raise UsageError(f"{name} is a number, not {_shown(text)}")
    if len(text) > _DIGITS:
        raise UsageError(f"{name}: {_shown(text)} is too large")
    return int(text)


def repository(text: str, name: str) -> str:
    """The name of a repository, which has no tag and no digest; empty stays empty. Raises UsageError,
    InvalidValue."""
    given = text.strip()
    if not given:
        return ""
    Reference.parse(given)
    if "@" in given or ":" in given.rpartition("/")[2]:
        raise UsageError(f"{name}: {given} is no repository", hint="write it without a tag and a digest")
    return given


def seconds(text: str, name: str) -> int:
    """A duration as Go writes it, in whole seconds, rounded up. Raises UsageError."""
    try:
        value = parse_duration(text.strip())
    except ValueError as error:
        raise UsageError(f"{name}: {error}") from error
    if value < 0:
        raise UsageError(f"{name}: {text} is less than nothing")
    return -(-value // 1_000_000_000)


def cache_mounts(text: str, name: str) -> tuple[bool, bool]:
    """Whether caches of RUN --mount are brought and whether they are sent: ``import``, ``export``, ``both``,
    ``true`` and ``false`` for both of them. Raises UsageError."""
    found = {"import": (True, False), "export": (False, True), "both": (True, True)}.get(text.strip().lower())
    if found is not None:
        return found
    try:
        both = boolean(text, name)
    except UsageError as error:
        raise UsageError(f"{name} is import, export or both, not {text!r}") from error
    return both, both


def age(text: str, name: str) -> int:
    """A duration in whole seconds: Go's, or a number of days (``30d``) or weeks (``2w``).

    Raises UsageError.
    """
    count, unit = text.strip()[:-1], text.strip()[-1:]
    if unit in _LONG and count.isascii() and count.isdigit():
        return number(count, name) * _LONG[unit]
    try:
        return seconds(text, name)
    except UsageError as error:
        if text.strip().startswith("-"):
            raise
        raise UsageError(f"{name}: {text!r} is no time", hint="write for example 30d, 2w, 12h") from error


def size(text: str, name: str) -> int:
    """Bytes: a number, with ``kB``, ``MB``, ``GB`` (powers of 1000) or ``KiB``, ``MiB``, ``GiB`` (of 1024)
    behind it. Raises UsageError."""
    found = _SIZE.fullmatch(text.strip())
    if not found:
        raise UsageError(f"{name}: {text!r} is no size", hint="write for example 500MB, 5GB, 2GiB")
    base = 1024 if found[3] else 1000
    return int(float(found[1]) * base ** " kmgt".index((found[2] or " ").lower()))


def attributes(text: str, name: str) -> list[tuple[str, str]]:
    """The pairs of ``key=value,key="value, with a comma"``. Raises UsageError."""
    try:
        fields = next(csv.reader([text], strict=True), [])
    except csv.Error as error:
        raise UsageError(f"{name}: {error} in {_shown(text)}") from error
    return [pair(item, name) for item in fields]


def _lowered(key: str) -> str:
    # The key of an annotation keeps its case.
    name, dot, rest = key.partition(".")
    return name.lower() + dot + rest if name.lower().startswith("annotation") else key.lower()


def _secret_of_variable(name: str, variable: str, environment: Mapping[str, str]) -> SecretSpec:
    if variable not in environment:
        raise UsageError(f"secret {name}: there is no variable {variable}")
    return SecretSpec(name, value=environment[variable])


def _shown(text: str) -> str:
    # What stands after the first = may be a secret.
    return repr(text.partition("=")[0][:40] + ("=…" if "=" in text else ""))
