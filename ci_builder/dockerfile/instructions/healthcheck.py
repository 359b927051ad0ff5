"""HEALTHCHECK."""

from __future__ import annotations

import re

from ci_builder.dockerfile.durations import parse_duration
from ci_builder.dockerfile.flags import Flags, take_flags
from ci_builder.dockerfile.instructions.shell_form import Command
from ci_builder.dockerfile.reader import Line
from ci_builder.values import dataclass

_TIMES = ("interval", "timeout", "start-period", "start-interval")
_SHORTEST = 1_000_000


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """``HEALTHCHECK NONE`` or ``HEALTHCHECK [--interval=<t>] [--timeout=<t>] [--start-period=<t>]
    [--start-interval=<t>] [--retries=<n>] CMD <command>``; times in nanoseconds, 0 when not given.

    ``command`` is None for NONE.
    """

    line: Line
    command: Command | None
    interval: int = 0
    timeout: int = 0
    start_period: int = 0
    start_interval: int = 0
    retries: int = 0

    @staticmethod
    def parse(line: Line) -> HealthCheck:
        """Raises DockerfileError."""
        flags = take_flags(line, frozenset({*_TIMES, "retries"}))
        if not flags.rest:
            raise line.error("HEALTHCHECK requires at least one argument")
        kind, *rest = re.split(r"\s+", flags.rest, maxsplit=1)
        text = rest[0] if rest else ""
        if kind.upper() == "NONE":
            if text or flags.values:
                raise line.error("HEALTHCHECK NONE takes no arguments")
            return HealthCheck(line, None)
        if kind.upper() != "CMD":
            raise line.error(f"unknown type {kind!r} in HEALTHCHECK", hint="try CMD or NONE")
        command = Command.parse(line, text)
        if not text or not command.words:
            raise line.error("missing command after HEALTHCHECK CMD")
        interval, timeout, start_period, start_interval = (_time(line, flags, name) for name in _TIMES)
        retries = _retries(line, flags)
        return HealthCheck(line, command, interval, timeout, start_period, start_interval, retries)


def _time(line: Line, flags: Flags, name: str) -> int:
    text = flags.get(name)
    if not text:
        return 0
    try:
        value = parse_duration(text)
    except ValueError as error:
        raise line.error(f"--{name}: {error}") from error
    if value != 0 and value < _SHORTEST:
        raise line.error(f"--{name} cannot be less than 1ms")
    return value


def _retries(line: Line, flags: Flags) -> int:
    text = flags.get("retries")
    if not text:
        return 0
    if not re.fullmatch(r"[+-]?[0-9]{1,10}", text) or int(text) >= 2**31:
        raise line.error(f"--retries: {text!r} is not a number")
    if int(text) < 0:
        raise line.error(f"--retries cannot be negative ({text})")
    return int(text)
