"""docs/ci.md names every input, and none that there is not."""

from __future__ import annotations

import re
from pathlib import Path

from ci_builder.ci.inputs import NAMES, UNSUPPORTED

_TEXT = (Path(__file__).parents[3] / "docs/ci.md").read_text()


def test_every_input_is_in_the_table() -> None:
    table = _TEXT.partition("| input | |")[2]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    assert set(re.findall(r"`([a-z-]+)`", "".join(rows))) == NAMES


def test_what_is_refused_is_known() -> None:
    last = _TEXT.rpartition("What else docker's actions know")[2]
    assert set(re.findall(r"`([a-z-]+)`", last)) <= set(UNSUPPORTED)
