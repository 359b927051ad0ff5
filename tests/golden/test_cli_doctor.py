"""The doctor's JSON keeps its keys, its table its lines."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from ci_builder.cli.diagnosis.structure import structure
from tests.compare.builders import ROOT
from tests.golden.cli_doctor import REPORTS, rendered

_DOCUMENT = ROOT / "docs" / "doctor.md"


@pytest.mark.parametrize(("path", "text"), [pytest.param(*item, id=item[0].name) for item in rendered()])
def test_it_says_the_same(path: Path, text: str) -> None:
    assert text == path.read_text(encoding="utf-8")


def test_no_line_spans_lines() -> None:
    for path, text in rendered():
        if path.suffix == ".txt":
            assert all(line.startswith("  ") or re.match(r"[a-z ]+$", line) for line in text.splitlines())


def _keys(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            # Its keys are the kernel's names.
            yield from _keys(inner) if key != "sysctls" else ()
    elif isinstance(value, list):
        for inner in value:
            yield from _keys(inner)


@pytest.mark.parametrize("name", REPORTS)
def test_every_key_is_documented(name: str) -> None:
    known = set(re.findall(r"`(\w+)`", _DOCUMENT.read_text(encoding="utf-8")))
    assert set(_keys(structure(REPORTS[name]()))) - known == set()
