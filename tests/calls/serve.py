"""Runs scripts with one executor: a JSON object with ``script`` on each line of standard input, one with
the outcome on each line of standard output. A process of its own, because entering an executor changes
the process.

usage: serve EXECUTOR STATE LAYER
"""

from __future__ import annotations

import importlib
import itertools
import json
import os
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import Any

from ci_builder.executors.interface import Executor, Process, Workspace
from ci_builder.executors.namespace import NamespaceExecutor
from ci_builder.oci.image import Image
from ci_builder.oci.layer import Layer
from ci_builder.progress import silent
from ci_builder.rootfs.blob import write_blob
from ci_builder.rootfs.compress import GZIP
from ci_builder.rootfs.pack import pack
from tests.calls.image import read_image
from tests.calls.real_root import RealRoot

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
DUMPED = ("/data", "/home", "/links", "/run", "/tmp", "/work")
_LIMIT = 20.0  # seconds for a script


def main(name: str, state: Path, layer: Path) -> None:
    """Enter and serve until standard input ends."""
    state.mkdir(mode=0o700)
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what anything else prints is no answer
    image = read_image(layer)
    executor = _executor(name, state / "executor")
    verdict = executor.probe()
    if not verdict.ok:
        raise SystemExit(f"{name} does not work here: {verdict.reason}")
    executor.enter()
    print(json.dumps({"ready": name}), file=answers, flush=True)
    for line in sys.stdin:
        try:
            answer = _run(executor, image, json.loads(line)["script"], state)
        except Exception:
            answer = {"error": traceback.format_exc()}
        print(json.dumps(answer), file=answers, flush=True)


def _executor(name: str, state: Path) -> Executor:
    state.mkdir(mode=0o711)
    if name == "real":
        return RealRoot(state)
    if name == "namespace":
        return _InFolders(state, silent)
    maker = importlib.import_module("ci_builder.executors.ptrace").PtraceExecutor
    made: Executor = maker(state, silent)
    return made


class _InFolders(NamespaceExecutor):
    """Without overlays, which are no plain file systems: a file with two names becomes two, folders of the
    image cannot be renamed."""

    def enter(self) -> None:
        """See Executor."""
        super().enter()
        self._mounter = None


def _layer(workspace: Workspace, folder: Path) -> Layer:
    """What changed, with paths that are too deep for a layer as well: nobody unpacks it."""
    changes = workspace.changes()
    return write_blob(lambda write: pack(changes, workspace.tree, write), folder, GZIP, "oci")


def _run(executor: Executor, image: Image, script: str, state: Path) -> dict[str, Any]:
    # By the second variable a process of a script is known as ours.
    environment = (("PATH", PATH), ("STATE", str(state)))
    process = Process(("/bin/calls", *DUMPED), environment, stdin=script.encode())
    said: list[bytes] = []
    times = [time.monotonic()]
    workspace = executor.workspace(image)
    late = threading.Timer(_LIMIT, workspace.close)
    try:
        late.start()
        times.append(time.monotonic())
        code = workspace.run(process, said.append)
        times.append(time.monotonic())
        layer = _layer(workspace, state / "blobs")
    except Exception as error:
        printed = b"".join(said).decode("utf-8", "replace")
        raise RuntimeError(f"after this output:\n{printed}") from error
    finally:
        late.cancel()
        workspace.close()
    times.append(time.monotonic())
    return {
        "code": code,
        "output": b"".join(said).decode("utf-8", "replace"),
        "layer": str(state / "blobs" / layer.descriptor.digest.hex),
        "times": [round(end - begin, 3) for begin, end in itertools.pairwise(times)],
    }


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
