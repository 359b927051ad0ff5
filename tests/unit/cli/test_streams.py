"""Standard streams that are closed or full, and signals while the program starts."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers.signals import default_signals

ROOT = Path(__file__).resolve().parents[3]
# A module that is imported on the way tells that it is, and waits.
# In many short sleeps: Python handles a signal that comes just before one at its end.
WAITS = "import sys, time\nprint('importing', flush=True)\nfor _ in range(600):\n    time.sleep(0.1)\n"


def shell(home: Path, line: str) -> tuple[int, str, str]:
    """Run ``line`` with the program as ``$P``, without and with a buffer before standard output."""
    (home / "c").mkdir(exist_ok=True)
    (home / "c" / "Dockerfile").write_text("FROM scratch\nCOPY Dockerfile /\n")
    found = set()
    for unbuffered in ("", "1"):
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "PYTHONPATH": str(ROOT),
            "P": f"{sys.executable} -m ci_builder.cli",
            "PYTHONUNBUFFERED": unbuffered,
        }
        command = ["sh", "-c", line]
        done = subprocess.run(command, cwd=home, env=environment, capture_output=True, text=True, check=False)
        found.add((done.returncode, done.stdout, done.stderr))
    assert len(found) == 1, found
    return found.pop()


@pytest.mark.parametrize(
    "words", ["build -q c", "--help", "--version", "build --help", "executor --help", "logout r.example"]
)
def test_a_full_standard_output(tmp_path: Path, words: str) -> None:
    code, _, said = shell(tmp_path, f"$P {words} >/dev/full")
    assert (code, said) == (1, "error: standard output cannot be written: No space left on device\n")


@pytest.mark.parametrize("words", ["build -q c", "demo", "build -o - c"])
def test_a_closed_standard_output(tmp_path: Path, words: str) -> None:
    code, _, said = shell(tmp_path, f"$P {words} >&-")
    assert (code, said) == (1, "error: standard output cannot be written: it is closed\n")
    assert shell(tmp_path, f"$P {words} >&- 2>&-") == (1, "", "")


def test_a_closed_standard_error_leaves_the_result_alone(tmp_path: Path) -> None:
    code, out, _ = shell(tmp_path, "$P build -o - c 2>&- | tar -t")
    assert (code, out) == (0, "Dockerfile\n")
    assert shell(tmp_path, "$P build nowhere 2>&-") == (1, "", "")


def test_a_full_standard_error_stops_no_build_but_is_told(tmp_path: Path) -> None:
    code, out, said = shell(tmp_path, "$P build --iidfile iid c 2>/dev/full | head -c 15")
    assert (code, out, said) == (0, "digest    sha25", "")
    code, _, said = shell(tmp_path, "$P build -o out c 2>/dev/full >&2")
    assert (code, said, (tmp_path / "out/Dockerfile").is_file()) == (1, "", True)


def test_a_closed_standard_input_is_empty(tmp_path: Path) -> None:
    assert shell(tmp_path, "$P build - <&-") == (
        1,
        "",
        "error: the build context: standard input is empty\n",
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
@pytest.mark.parametrize("module", ["csv", "dockerfile_parse"])
def test_a_signal_while_the_program_starts(tmp_path: Path, module: str, number: signal.Signals) -> None:
    """While the command line is imported, and while the rest is, after the Dockerfile was read."""
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / f"{module}.py").write_text(WAITS)
    (tmp_path / "context").mkdir()
    (tmp_path / "context" / "Dockerfile").write_text("FROM scratch\n")
    (tmp_path / "temporary").mkdir()
    process = subprocess.Popen(
        [sys.executable, "-m", "ci_builder.cli", "build", str(tmp_path / "context")],
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "TMPDIR": str(tmp_path / "temporary"),
            "PYTHONPATH": f"{tmp_path / 'modules'}{os.pathsep}{ROOT}",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=default_signals,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "importing\n"
    process.send_signal(number)
    _, said = process.communicate(timeout=30)
    assert (process.returncode, said) == (128 + number, f"error: stopped by {number.name}\n")
    assert list((tmp_path / "temporary").iterdir()) == []
