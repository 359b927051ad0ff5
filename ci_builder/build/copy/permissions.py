"""What --chmod means."""

from __future__ import annotations

from ci_builder.errors import InvalidValue


def parse_mode(text: str) -> int:
    """Octal permissions up to 07777 (Dockerfile reference, "COPY --chmod"). Raises InvalidValue."""
    digits = text.removeprefix("0o")
    if not digits or any(digit not in "01234567" for digit in digits) or int(digits, 8) > 0o7777:
        raise InvalidValue("--chmod", text, "write octal permissions from 0 to 7777")
    return int(digits, 8)
