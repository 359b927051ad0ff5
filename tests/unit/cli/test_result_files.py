"""Files that could not be written after a build are an error before it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ci_builder.cli.result_files import check_result_files
from ci_builder.errors import OutputError
from ci_builder.request import Request

ROOT = Path(__file__).resolve().parents[3]
CHECK = """
import os, sys
from pathlib import Path
from ci_builder.cli.result_files import check_result_files
from ci_builder.errors import OutputError
from ci_builder.request import Request
if os.getuid() == 0:
    os.setgid(65534), os.setgroups([]), os.setuid(65534)
for word in sys.argv[1:]:
    try:
        check_result_files(Request(iid_file=Path(word)))
        print("fine")
    except OutputError as error:
        print(error)
"""


def test_what_can_be_written_and_what_not(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("file")
    for name in ("new", "file", "link"):
        check_result_files(Request(iid_file=tmp_path / name))
    check_result_files(Request(metadata_file=Path("/dev/null")))
    cases = [(".", "folder"), ("no/x", "no such folder"), ("file/x", "Not a directory")]
    for name, why in cases:
        with pytest.raises(OutputError, match=why):
            check_result_files(Request(iid_file=tmp_path / name))


def test_the_folder_of_a_digest_is_made(tmp_path: Path) -> None:
    request = Request(digest_file=tmp_path / "a/b/digest", iid_file=tmp_path / "id")
    check_result_files(request)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="Not a directory"):
        check_result_files(Request(digest_file=tmp_path / "file/x"))


def test_without_permission(tmp_path: Path) -> None:
    for folder, mode in (("shut", 0o700), ("read", 0o555), ("open", 0o777)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "file").touch(mode=0o444)
        (tmp_path / folder).chmod(mode)
    if os.getuid():
        (tmp_path / "shut").chmod(0)
    tmp_path.chmod(0o755)
    paths = ["shut/file", "shut/x/y", "read/new", "read/file", "open/new"]
    done = subprocess.run(
        [sys.executable, "-c", CHECK, *paths],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    (tmp_path / "shut").chmod(0o700)
    assert done.stdout.lower().splitlines() == [
        *(f"{path} cannot be written: permission denied" for path in paths[:4]),
        "fine",
    ], done.stderr
