"""The judge can judge: other answers, other files and other layers are found."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.calls.compare import differences
from tests.calls.server import Server

pytestmark = [pytest.mark.root]
_SCRIPT = 'open "/work/a" O_RDWR|O_CREAT 0644 -> f\n'


@pytest.mark.parametrize(
    ("real", "other", "beginnings"),
    [
        (_SCRIPT, _SCRIPT, []),
        (_SCRIPT + "fstat $f out.stat", _SCRIPT.replace("4 ", "0 ") + "fstat $f out.stat", ["line 2: fstat"]),
        (_SCRIPT, _SCRIPT + "close 77", ["line 2: "]),
        (_SCRIPT, _SCRIPT.replace("4 ", "0 "), ["at the end: /work/a", "layer: /work/a: mode: 0644 != 0640"]),
        (_SCRIPT, _SCRIPT + "exit 3", ["at the end: end"]),
        (_SCRIPT, _SCRIPT + "write $f", ["line 2: "]),
        (_SCRIPT + "nonsense", _SCRIPT, ["script: no such call: nonsense"]),
        ("close 77 # or 0", "close 0", []),
    ],
)
def test_what_differs(
    real: str, other: str, beginnings: list[str], calls_layer: Path, real_root: Server, namespace: Server
) -> None:
    real_root.ask(real)
    namespace.ask(other)
    found = differences(real, calls_layer, real_root.answer(), namespace.answer())
    assert len(found) == len(beginnings), found
    assert all(text.startswith(beginning) for text, beginning in zip(found, beginnings, strict=True)), found
