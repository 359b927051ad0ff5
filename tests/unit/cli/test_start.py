"""What a start imports: a command waits for its own modules, never for those of others."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
# Prints what was imported to the descriptor that is its last argument.
_PROGRAM = """
import os, sys
from ci_builder.cli import main
told = int(sys.argv.pop())
leave = main.leave

def tell(code):
    os.write(told, "\\n".join(sys.modules).encode())
    leave(code)

main.leave = tell
main.console()
"""
_HEAVY = {"requests", "urllib3", "ssl", "git", "email.utils", "fractions"}
_HEAVY |= {"dataclasses", "inspect", "platform", "zstandard", "tarfile", "difflib"}
_OTHER_EXECUTORS = {f"ci_builder.executors.{name}" for name in ("chroot", "in_place", "ptrace", "supervisor")}
_COMMANDS = {
    f"ci_builder.cli.{name}" for name in ("build", "verify", "ci", "executor", "doctor", "demo", "login")
}


def imported(folder: Path, *arguments: str, code: int = 0) -> set[str]:
    reading, writing = os.pipe()
    with open(reading, encoding="utf-8") as stream:
        done = subprocess.run(
            [sys.executable, "-c", _PROGRAM, *arguments, str(writing)],
            cwd=folder,
            env={"PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONPATH": str(ROOT)},
            pass_fds=[writing],
            capture_output=True,
            text=True,
            check=False,
        )
        os.close(writing)
        assert done.returncode == code, done.stderr
        return set(stream.read().splitlines())


@pytest.fixture
def context(tmp_path: Path) -> Path:
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "Dockerfile").write_text("FROM scratch\nCOPY Dockerfile /\n")
    return tmp_path


@pytest.mark.parametrize("option", ["--version", "--help"])
def test_no_command_no_import(context: Path, option: str) -> None:
    found = imported(context, option)
    assert "ci_builder.cli.main" in found
    assert (
        found & (_HEAVY | _COMMANDS | {"dockerfile_parse", "tomli", "isal.igzip_lib", "zstandard"}) == set()
    )
    assert not any(name.startswith("ci_builder.build") for name in found)


@pytest.mark.parametrize("command", ["build", "verify", "ci", "doctor", "demo", "login", "logout"])
def test_help_of_a_command(context: Path, command: str) -> None:
    found = imported(context, command, "--help")
    assert f"ci_builder.cli.{command}" in found
    assert found & _HEAVY == set()


def test_a_build_without_a_registry(context: Path) -> None:
    found = imported(context, "build", "--output=out", "c")
    assert (context / "out" / "Dockerfile").exists()
    assert "dockerfile_parse" in found
    assert found & (_HEAVY | _OTHER_EXECUTORS | {"ci_builder.executors.namespace"}) == set()


@pytest.mark.parametrize("words", [["build", "--check"], ["build", "--output=out"], ["plan"], ["explain"]])
def test_the_dockerfile_is_read_before_the_rest_is_imported(context: Path, words: list[str]) -> None:
    """One that is not there tells what was imported until then (issue 5, "Start-up")."""
    (context / "c" / "Dockerfile").unlink()
    found = imported(context, *words, "c", code=1)
    assert "ci_builder.build.reading" in found
    rest = {"ci_builder.build.schedule", "ci_builder.registry.client", "ci_builder.outputs.choose"}
    assert found & (_HEAVY | rest | {"dockerfile_parse"}) == set()


def test_a_registry_is_asked_without_requests(context: Path) -> None:
    (context / "c" / "Dockerfile").write_text("FROM 127.0.0.1:1/no:1\n")
    found = imported(context, "build", "--registry-retries=0", "--output=out", "c", code=1)
    assert "urllib3" in found
    assert found & (_HEAVY - {"urllib3", "ssl", "email.utils"}) == set()


@pytest.mark.commands
def test_a_build_in_a_namespace(context: Path) -> None:
    dockerfile = 'FROM scratch\nCOPY busybox /bin/\nRUN ["/bin/busybox", "true"]\n'
    (context / "c" / "Dockerfile").write_text(dockerfile)
    (context / "c" / "busybox").write_bytes(Path("/bin/busybox").read_bytes())
    (context / "c" / "busybox").chmod(0o755)
    found = imported(context, "build", "--output=out", "c")
    assert "ci_builder.executors.namespace" in found
    assert found & (_HEAVY | _OTHER_EXECUTORS) == set()
