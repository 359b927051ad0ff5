"""Each subject of ``scripts/``: every answer, the files and the layer are those of a real root."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.calls.conftest import Judge
from tests.calls.known import unknown

pytestmark = [pytest.mark.root]
_SCRIPTS = sorted((Path(__file__).parent / "scripts").glob("*.txt"))
_NOT = re.compile(r"# not (\S+): (.*)")


@pytest.mark.parametrize("script", _SCRIPTS, ids=lambda path: path.stem)
def test_as_in_a_real_root(script: Path, judge: Judge, executor: str) -> None:
    text = script.read_text()
    apart = _NOT.match(text)
    if apart and apart[1] == executor:
        pytest.skip(apart[2])
    found = unknown(script.stem, executor, judge(text))
    assert not found, "\n".join(found)
