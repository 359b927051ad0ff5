"""A machine that permits few open files, and a command that executes many programs."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.compare.builders import command, environment
from tests.servers.bases import Base

pytestmark = [pytest.mark.root, pytest.mark.commands]

_RUN = (
    "for i in $(seq 150); do cp /bin/program /tmp/t$i; /tmp/t$i true || exit 1; rm /tmp/t$i; done; "
    "for i in $(seq 150); do cp /bin/program /tmp/t$i; /tmp/t$i true || exit 1; done; "
    "ls /tmp | wc -l; rm /tmp/t*"
)


def test_programs_that_are_removed(debian: Base, tmp_path: Path) -> None:
    context = tmp_path / "context"
    context.mkdir()
    (context / "Dockerfile").write_text(f"FROM debian\nRUN cp /usr/bin/env /bin/program; {_RUN}\n")
    done = subprocess.run(
        [
            *("prlimit", "--nofile=256:256"),
            *command(
                [
                    "build",
                    "--progress=plain",
                    "--isolation=ptrace",
                    f"--output=type=tar,dest={tmp_path / 'out'}",
                ]
            ),
            *(f"--build-context=debian=oci-layout://{debian.layout}", str(context)),
        ],
        capture_output=True,
        text=True,
        env=environment(tmp_path),
        cwd=tmp_path,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert " 150" in done.stderr
