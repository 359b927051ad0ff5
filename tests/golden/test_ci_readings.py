"""What is read from a job's environment stays what it is."""

from __future__ import annotations

import json

import pytest

from tests.golden.ci_readings import HERE, load, names, read


@pytest.mark.parametrize("name", names())
def test_reading(name: str) -> None:
    found = read(load(HERE / "situations" / f"{name}.json"))
    assert found == json.loads((HERE / "readings" / f"{name}.json").read_text())
    assert found["ci"] == name.partition("-")[0]


def test_there_is_no_expectation_without_a_situation() -> None:
    assert sorted(path.stem for path in (HERE / "readings").glob("*.json")) == names()
