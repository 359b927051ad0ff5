"""Durations as Go writes them: ``1m30s``, ``500ms``, ``1.5h`` (documentation of Go's time.ParseDuration)."""

from __future__ import annotations

from ci_builder.patterns import pattern

_UNITS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,
    "μs": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
}
_PART = pattern(r"([0-9]{1,19}\.?[0-9]{0,19}|\.[0-9]{1,19})(ns|us|µs|μs|ms|s|m|h)")
_DIGITS = 19  # behind the point
_SCALE: int = 10**19
_MAX = 2**63 - 1


def parse_duration(text: str) -> int:
    """Nanoseconds. Raises ValueError."""
    unsigned = text.removeprefix("-") if text.startswith("-") else text.removeprefix("+")
    if unsigned == "0":
        return 0
    total = 0
    at = 0
    while match := _PART.match(unsigned, at):
        whole, _, part = match[1].partition(".")
        total += int(whole + part.ljust(_DIGITS, "0")) * _UNITS[match[2]]
        at = match.end()
    if not unsigned or at != len(unsigned):
        raise ValueError(f"invalid duration {text!r}; write for example 30s or 1m30s")
    value = total // _SCALE * (-1 if text.startswith("-") else 1)
    if abs(value) > _MAX:
        raise ValueError(f"the duration {text!r} is too long")
    return value


def format_duration(nanoseconds: int) -> str:
    """As Go prints it: ``1m30s``, ``1.5s``, ``0s``."""
    if nanoseconds == 0:
        return "0s"
    for unit, size in (("ns", 1), ("µs", 1_000), ("ms", 1_000_000)):
        if nanoseconds < size * 1_000:
            return _decimal(nanoseconds, size) + unit
    minutes, rest = divmod(nanoseconds, _UNITS["m"])
    hours, minutes = divmod(minutes, 60)
    seconds = _decimal(rest, _UNITS["s"]) + "s"
    if hours:
        return f"{hours}h{minutes}m{seconds}"
    return f"{minutes}m{seconds}" if minutes else seconds


def _decimal(value: int, size: int) -> str:
    whole, part = divmod(value, size)
    digits = str(part).rjust(len(str(size)) - 1, "0").rstrip("0") if part else ""
    return f"{whole}.{digits}" if digits else str(whole)
