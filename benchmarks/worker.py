"""One executor in a process of its own: it unpacks, waits to be told, and times Workspace.run.

usage: worker EXECUTOR STATE LAYOUTS. It tells the interpreter that runs it, then answers each line of JSON on
standard input by one.
"""

from __future__ import annotations

import json
import platform
import sys
import time
from pathlib import Path

from benchmarks.surroundings import MAKERS, become_ordinary
from benchmarks.workloads import WORKLOADS, Workload
from ci_builder.executors.interface import Executor, Process, Workspace
from ci_builder.executors.removal import remove_folder
from ci_builder.layout.reader import read_image
from ci_builder.oci.image import Image
from ci_builder.oci.platform import Platform

_ENVIRONMENT = (
    ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
    ("HOME", "/root"),
    ("DEBIAN_FRONTEND", "noninteractive"),
)
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


class Measured:
    """An entered executor and its open workspaces."""

    def __init__(self, executor: Executor, images: dict[str, Image]) -> None:
        self._executor = executor
        self._images = images
        self._open: dict[str, Workspace] = {}
        self._prepared: set[str] = set()

    def measure(self, workload: Workload) -> float:
        """Seconds of one round. Raises RuntimeError for a command that fails."""
        if workload.fresh:
            self._close(workload.image)
        if workload.image not in self._open:
            self._open[workload.image] = self._executor.workspace(self._images[workload.image])
        if workload.once and workload.name not in self._prepared:
            self._run(workload, workload.once)
        self._prepared.add(workload.name)
        if workload.before:
            self._run(workload, workload.before)
        began = time.perf_counter()
        self._run(workload, workload.script)
        return time.perf_counter() - began

    def close(self) -> None:
        """Remove what was unpacked."""
        for name in list(self._open):
            self._close(name)

    def _close(self, image: str) -> None:
        if image in self._open:
            self._open.pop(image).close()

    def _run(self, workload: Workload, script: str) -> None:
        said: list[bytes] = []
        process = Process(("/bin/sh", "-c", script), _ENVIRONMENT)
        code = self._open[workload.image].run(process, said.append)
        if code:
            text = b"".join(said).decode(errors="replace")[-2000:]
            raise RuntimeError(f"{workload.name}: exit code {code}\n{text}")


def main(name: str, state: Path, layouts: Path) -> None:
    """Serve the requests until standard input ends."""
    machine = Platform("linux", _ARCHITECTURES[platform.machine()])
    images = {path.name: read_image(path, "latest", machine) for path in layouts.iterdir()}
    if name == "ptrace":
        become_ordinary(state)
    executor = MAKERS[name](state)
    executor.enter()
    measured = Measured(executor, images)
    _answer({"ready": f"{platform.python_implementation()} {platform.python_version()}"})
    workloads = {workload.name: workload for workload in WORKLOADS}
    for line in sys.stdin:
        try:
            _answer({"seconds": measured.measure(workloads[json.loads(line)])})
        except Exception as error:
            _answer({"failure": f"{type(error).__name__}: {error}"})
    measured.close()
    for left in state.iterdir():
        remove_folder(str(left))


def _answer(value: dict[str, object]) -> None:
    print(json.dumps(value), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
