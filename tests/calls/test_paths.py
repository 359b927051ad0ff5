"""Each call that takes a path is tried with every kind of path, as a user and as root."""

from __future__ import annotations

import pytest

from tests.calls.conftest import Judge
from tests.calls.known import unknown
from tests.calls.paths import READING, WRITING, script

pytestmark = [pytest.mark.root]
_ALL = READING | WRITING


@pytest.mark.parametrize("name", _ALL)
def test_every_path(name: str, judge: Judge, executor: str) -> None:
    found = unknown(name, executor, judge(script(name, _ALL[name])))
    assert not found, "\n".join(found)
