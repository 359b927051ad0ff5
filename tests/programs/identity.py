"""Two builds by the same executor must be equal but for the excuses: this proves the excuses.

usage: python -m tests.programs.identity [NAME…]
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from pathlib import Path

from tests.programs.build import in_namespace
from tests.programs.catalogue import PROGRAMS
from tests.programs.judge import differences


def main(names: list[str]) -> int:
    """Build each twice and print what differs. Returns how many differ."""
    bad = 0
    for program in PROGRAMS:
        if names and program.name not in names:
            continue
        folder = Path(tempfile.mkdtemp(prefix="programs-", dir="/var/tmp"))
        began = time.monotonic()
        first = in_namespace(program, folder / "first")
        middle = time.monotonic()
        second = in_namespace(program, folder / "second")
        end = time.monotonic()
        found = differences(program, first, second)
        bad += bool(found)
        print(f"{program.name}: {middle - began:.1f} s, {end - middle:.1f} s, ", end="")
        print(f"compared in {time.monotonic() - end:.1f} s, {len(found)} differences", flush=True)
        print("".join(f"    {line[-1200:]}\n" for line in found[:12]), end="", flush=True)
        (folder / "first.log").write_text(first.built.text)
        shutil.rmtree(folder) if not found else print(f"    kept: {folder}")
    return bad


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
