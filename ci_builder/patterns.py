"""Regular expressions that are compiled when they are first used: most of them never are, and compiling all
took a tenth of the start."""

from __future__ import annotations

from typing import TYPE_CHECKING

__all__ = ["pattern"]

if TYPE_CHECKING:
    from re import compile as pattern
else:
    import re

    class pattern:
        """``pattern(text, flags)``: what ``re.compile`` would give."""

        def __init__(self, text: str | bytes, flags: int = 0) -> None:
            self._text = text
            self._flags = flags

        def __getattr__(self, name: str) -> object:
            found = getattr(re.compile(self._text, self._flags), name)
            setattr(self, name, found)
            return found
