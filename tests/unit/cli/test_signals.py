"""A signal ends what is going on, in whatever moment it comes."""

from __future__ import annotations

import subprocess
import sys

import pytest

_PROGRAM = """
import os, signal, sys, time
from ci_builder.cli.signals import interruptible
from ci_builder.errors import Interrupted

class Finalized:
    def __del__(self):
        signal.raise_signal(signal.SIGTERM)
        time.sleep(0)

def finalizer():
    Finalized()

def fork():
    os.register_at_fork(before=lambda: (signal.raise_signal(signal.SIGTERM), time.sleep(0)))
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)

try:
    with interruptible():
        {moment}()
        time.sleep(5)
except Interrupted as error:
    sys.exit(error.exit_code)
"""


@pytest.mark.parametrize("moment", ["finalizer", "fork"])
def test_where_nothing_can_be_raised(moment: str) -> None:
    program = _PROGRAM.replace("{moment}", moment)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (143, "")
