"""Runs every check on one executor and prints a JSON object for each: name and failure (or empty).

usage: run_checks EXECUTOR STATE BUSYBOX
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from pathlib import Path

import pytest

from ci_builder.executors.removal import remove_folder
from tests.contracts.executors.checks import all_checks
from tests.contracts.executors.world import make_world


def main(name: str, state: Path, busybox: Path) -> None:
    """Probe, enter, check."""
    state.mkdir(mode=0o700)
    world = make_world(name, state, busybox)
    verdict = world.executor.probe()
    _say("probe", "" if verdict.ok else f"{verdict.reason} | {verdict.remedy}")
    _say("the_probe_leaves_nothing", ", ".join(os.listdir(state)))
    if not verdict.ok:
        return
    world.executor.enter()
    for check, function in all_checks().items():
        try:
            function(world)
        except (Exception, pytest.fail.Exception):
            _say(check, traceback.format_exc())
        else:
            _say(check, "")
    remove_folder(str(state))
    _say("the_state_can_be_removed", "" if not state.exists() else "it is still there")


def _say(name: str, failure: str) -> None:
    print(json.dumps({"check": name, "failure": failure}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
