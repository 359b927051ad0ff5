"""What the processes of a test run share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def docker_outcomes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where all processes of this run keep what docker made of a case."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "docker-outcomes"
    folder.mkdir(exist_ok=True)
    return folder
