"""What the processes of a test run share."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def docker_outcomes(run_folder: Path) -> Path:
    """Where all processes of this run keep what docker made of a case."""
    folder = run_folder / "docker-outcomes"
    folder.mkdir(exist_ok=True)
    return folder
