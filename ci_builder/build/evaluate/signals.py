"""Signals of STOPSIGNAL: Linux's names, with or without SIG, in any case, or numbers (docker's rule)."""

from __future__ import annotations

_NAMES = frozenset(
    "ABRT ALRM BUS CHLD CLD CONT FPE HUP ILL INT IO IOT KILL PIPE POLL PROF PWR QUIT SEGV STKFLT STOP SYS "
    "TERM TRAP TSTP TTIN TTOU URG USR1 USR2 VTALRM WINCH XCPU XFSZ RTMIN RTMAX".split()
)


def is_signal(text: str) -> bool:
    """Whether docker takes it for a signal."""
    if text.isascii() and text.isdigit():
        return 0 < len(text) < 10 and int(text) > 0
    name = text.upper().removeprefix("SIG")
    if name in _NAMES:
        return True
    base, sign, offset = name.partition("+") if "+" in name else name.partition("-")
    highest = 15 if sign == "+" else 14
    fits = (base, sign) in (("RTMIN", "+"), ("RTMAX", "-"))
    return fits and offset in {str(number) for number in range(1, highest + 1)}
