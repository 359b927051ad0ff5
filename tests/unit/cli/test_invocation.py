"""Where this program keeps its files for a user without a home."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ci_builder.cli.invocation import data_folder, folders_elsewhere
from ci_builder.errors import OutputError


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {"RUNNER_TEMP": str(tmp_path)}


def test_a_folder_of_this_users_alone(environment: dict[str, str], tmp_path: Path) -> None:
    found = data_folder(environment)
    assert found == tmp_path / f"ci-builder-{os.getuid()}"
    assert not found.exists(), "nothing is kept there yet"
    found.mkdir(0o755)
    assert data_folder(environment) == found


@pytest.mark.parametrize("how", ["link", "open", "file"])
def test_what_somebody_else_put_there(environment: dict[str, str], tmp_path: Path, how: str) -> None:
    place = tmp_path / f"ci-builder-{os.getuid()}"
    if how == "link":
        (tmp_path / "evil").mkdir()
        place.symlink_to("evil")
    elif how == "open":
        place.mkdir()
        place.chmod(0o777)
    else:
        place.write_text("")
    with pytest.raises(OutputError) as caught:
        data_folder(environment)
    assert str(place) in str(caught.value)
    assert "CI_BUILDER_HOME" in caught.value.hint
    assert place not in folders_elsewhere(environment)


@pytest.mark.root
def test_a_folder_of_another_user(environment: dict[str, str], tmp_path: Path) -> None:
    place = tmp_path / f"ci-builder-{os.getuid()}"
    place.mkdir(0o700)
    os.chown(place, 12345, 12345)
    with pytest.raises(OutputError):
        data_folder(environment)
