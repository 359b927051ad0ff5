"""No file of tests is forgotten: pytest leaves folders out by their names."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

_TESTS = Path(__file__).parents[1]


def test_every_file_of_tests_is_collected() -> None:
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", "-m", ""]
    found = subprocess.run(command, cwd=_TESTS.parent, capture_output=True, text=True, check=False)
    collected = {line.partition("::")[0] for line in found.stdout.splitlines() if "::" in line}
    files = {str(path.relative_to(_TESTS.parent)) for path in _TESTS.rglob("test_*.py")}
    assert files - collected == set(), found.stdout[-2000:] + found.stderr[-2000:]
