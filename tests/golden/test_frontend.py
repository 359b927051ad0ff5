"""The golden tests of the Dockerfile front end: parsed, plan, evaluated, errors, words.

``python -m tests.golden.frontend`` writes the expectations anew.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.golden.frontend import HERE, SHOWS, cases, expanded, final_states, load

_CASES = list(cases())


@pytest.mark.parametrize(
    ("what", "path", "expectation"), _CASES, ids=[f"{what}-{path.stem}" for what, path, _ in _CASES]
)
def test_as_expected(what: str, path: Path, expectation: Path) -> None:
    assert SHOWS[what](load(path)) == expectation.read_text()


def test_words() -> None:
    inputs = (HERE / "words" / "inputs.txt").read_text()
    assert expanded(inputs) == (HERE / "words" / "expanded.txt").read_text()


def test_every_error_is_an_error() -> None:
    texts = {path.name: path.read_text() for path in (HERE / "errors").glob("*.txt")}
    assert not [name for name, text in texts.items() if text == "no error\n"]
    assert not [name for name, text in texts.items() if "Dockerfile:" not in text]


def test_no_expectation_is_left_over() -> None:
    expected = {expectation for _, _, expectation in _CASES}
    there = {path for what in SHOWS for path in (HERE / what).glob("*.txt")}
    assert there == expected


@pytest.mark.parametrize(
    "path", sorted((HERE / "dockerfiles").glob("*.Dockerfile")), ids=lambda path: path.stem
)
def test_lint_sees_the_states_of_the_build(path: Path) -> None:
    built, linted = final_states(load(path))
    assert built == linted
