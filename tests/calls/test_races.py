"""A path that another thread changes after the supervisor's look leads nowhere outside of the image."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ci_builder.executors.linux import landlock
from tests.calls.image import attack_program
from tests.calls.server import Server

pytestmark = [pytest.mark.root]
_SECONDS = 2
_NEED_LANDLOCK = ("fifo", "exec")


@pytest.mark.parametrize(
    ("call", "harmless", "outside"),
    [
        ("chdir", "/data", ""),
        ("path", "/data", ""),
        ("fifo", "/data/fifo", "/secret"),
        ("exec", "/bin/show", "/program"),
    ],
)
def test_no_path_outside_is_reached(
    call: str, harmless: str, outside: str, ptrace: Server, calls_layer: Path
) -> None:
    if call in _NEED_LANDLOCK and not landlock.version():
        pytest.skip("this kernel has no landlock")
    folder = calls_layer.parent / "outside"
    folder.mkdir(exist_ok=True)
    (folder / "secret").write_text("outside\n")
    shutil.copy(attack_program(calls_layer.parent), folder / "program")
    words = ("race", call, harmless, f"{folder}{outside}", str(_SECONDS))
    arguments = ",".join(f'"{word}"' for word in words)
    ptrace.ask(f'execve "/bin/race" argv:{arguments} envp:\n')
    found = ptrace.answer()
    assert not found.error
    assert "over" in found.output
    assert "outside\n" not in found.output
