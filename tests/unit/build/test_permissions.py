"""--chmod: by the table, and letters against the machine's own chmod."""

from __future__ import annotations

import stat
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ci_builder.build.copy.permissions import parse_mode
from ci_builder.errors import InvalidValue

FILE, FOLDER = stat.S_IFREG, stat.S_IFDIR


@pytest.mark.parametrize(
    ("text", "before", "after"),
    [
        ("755", FILE | 0o4640, 0o755),
        ("0", FILE | 0o777, 0),
        ("0001777", FOLDER | 0o700, 0o1777),
        ("u=rwX,go=rX", FILE | 0o600, 0o644),
        ("u=rwX,go=rX", FILE | 0o710, 0o755),
        ("u=rwX,go=rX", FOLDER | 0o700, 0o755),
        ("a+X", FILE | 0o604, 0o604),
        ("a+X", FOLDER | 0o604, 0o715),
        ("+x", FILE | 0o644, 0o755),
        ("-x", FILE | 0o755, 0o644),
        ("=r", FILE | 0o4777, 0o444),
        ("u=", FILE | 0o4777, 0o077),
        ("go-rwx", FILE | 0o2775, 0o2700),
        ("g=u", FILE | 0o640, 0o660),
        ("go=u-w", FILE | 0o700, 0o755),
        ("ug+o", FILE | 0o005, 0o555),
        ("u+s,g+s,+t", FILE | 0o755, 0o7755),
        ("o+s", FILE | 0o755, 0o755),
        ("o+t", FILE | 0o755, 0o755),
        ("a-x,a+X", FILE | 0o755, 0o755),  # X looks at the file as it was
        ("a=rw,u-w", FILE | 0o1000, 0o1466),  # = leaves the sticky bit alone
    ],
)
def test_table(text: str, before: int, after: int) -> None:
    assert parse_mode(text).apply(before) == stat.S_IFMT(before) | after


@pytest.mark.parametrize(
    "text", ["", "8", "10000", "0o755", "-1x", "rwx", "u", "u+q", "u+x,", ",u+x", "u+x;g+x", "u+7", "u x"]
)
def test_what_is_no_mode(text: str) -> None:
    with pytest.raises(InvalidValue):
        parse_mode(text)


_CLAUSES = st.from_regex(r"[ugoa]{0,2}([-+=]([rwx]{0,3}|[ugo])){1,2}", fullmatch=True)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    clauses=st.lists(_CLAUSES, min_size=1, max_size=3),
    mode=st.integers(0, 0o777),
    is_folder=st.booleans(),
)
def test_letters_mean_what_they_mean_to_chmod(
    tmp_path: Path, clauses: list[str], mode: int, is_folder: bool
) -> None:
    text = ",".join(clauses)
    path = tmp_path / ("folder" if is_folder else "file")
    path.mkdir(exist_ok=True) if is_folder else path.touch()
    path.chmod(mode)
    subprocess.run(["chmod", "--", text, path], check=True, umask=0)
    result = path.stat().st_mode
    path.chmod(0o700)
    assert parse_mode(text).apply(stat.S_IFMT(result) | mode) == result
