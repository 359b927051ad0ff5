"""Where this program keeps its files for a user without a home."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ci_builder.cli.invocation import data_folder, folders_elsewhere, kept_data_folder
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


@pytest.mark.parametrize("umask", [0, 0o002, 0o022, 0o077])
def test_what_is_written_by_one_build_is_read_by_the_next(environment: dict[str, str], umask: int) -> None:
    before = os.umask(umask)
    try:
        for number in range(2):
            with kept_data_folder(environment) as found:
                assert found.stat().st_mode & 0o777 == 0o700
                (found / str(number)).mkdir()
    finally:
        os.umask(before)
    assert sorted(path.name for path in found.iterdir()) == ["0", "1"]


def test_a_folder_that_stays_empty_goes(environment: dict[str, str], tmp_path: Path) -> None:
    with kept_data_folder(environment) as found:
        assert found.is_dir()
    assert list(tmp_path.iterdir()) == []
    with kept_data_folder({"CI_BUILDER_HOME": str(tmp_path / "own")}) as found:
        assert found == tmp_path / "own"
    assert list(tmp_path.iterdir()) == []


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
