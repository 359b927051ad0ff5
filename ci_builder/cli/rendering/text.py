"""Words, sizes and lines that the renderers share."""

from __future__ import annotations

from ci_builder.patterns import pattern

# Colours stay; everything else that moves the cursor, names the window or is invisible goes.
_CONTROL = pattern(
    r"\x1b\[(?![0-9;]*m)[0-?]*[ -/]*[@-~]"
    r"|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?"
    r"|\x1b(?!\[)"
    r"|[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f-\x9f]"
)
# And what turns the direction of a text, as in names that want to look like others.
_ANY_ESCAPE = pattern(r"\x1b\[[0-?]*[ -/]*[@-~]|[\x00-\x08\x0a-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def size(count: int) -> str:
    """``count`` bytes for people, in powers of 1000 as docker shows them."""
    if count < 1000:
        return f"{count} B"
    number = float(count)
    for unit in ("kB", "MB", "GB", "TB"):
        number /= 1000
        if number < 999.95 or unit == "TB":
            return f"{number:.1f} {unit}"
    raise AssertionError("the loop returns")


def visible(line: str) -> str:
    """A line of a command's output without control sequences other than colours; what was overwritten by
    a carriage return is gone."""
    return _CONTROL.sub("", line.rstrip("\r").rpartition("\r")[2])


def plain(line: str) -> str:
    """A line without any control sequence, tabs as blanks: for cutting to a width."""
    return _ANY_ESCAPE.sub("", visible(line)).expandtabs(8)


def one_line(text: str, width: int = 0) -> str:
    """``text`` on one line, cut to ``width`` columns unless that is 0."""
    joined = " ".join(text.split())
    return joined if not width or len(joined) <= width else joined[: max(1, width - 1)] + "…"


class Lines:
    """Bytes in, whole lines out; what has no end yet waits."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[str]:
        """The lines that ``data`` completes."""
        *whole, self._rest = (self._rest + data).split(b"\n")
        return [line.decode("utf-8", "replace") for line in whole]

    def end(self) -> list[str]:
        """The line that never ended, if there is one."""
        rest, self._rest = self._rest, b""
        return [rest.decode("utf-8", "replace")] if rest else []
