"""The tables of README.md, each between two marks that name what it is of."""

from __future__ import annotations

import datetime
import re
from pathlib import Path

README = Path(__file__).parent / "README.md"


def today() -> datetime.date:
    """The date that a table is told with."""
    return datetime.datetime.now(datetime.timezone.utc).date()


def write_between_marks(name: str, text: str) -> None:
    """Put ``text`` between the marks of ``name``."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    pattern = re.compile(re.escape(begin) + ".*" + re.escape(end), re.DOTALL)
    README.write_text(pattern.sub(lambda _: f"{begin}\n{text}\n{end}", README.read_text()))
