"""What the arguments mean stays what it is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.golden.cli_requests import HERE, read


@pytest.mark.parametrize("path", sorted(HERE.glob("*.json")), ids=lambda path: path.stem)
def test_request(path: Path) -> None:
    case = json.loads(path.read_text())
    assert read(case) == case


def test_there_are_cases() -> None:
    assert len(list(HERE.glob("*.json"))) > 60
