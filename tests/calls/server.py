"""The client of ``serve``: a process with one executor, as root or as an ordinary user."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_CHECKOUT = Path(__file__).resolve().parents[2]
_PATIENCE = 40.0  # seconds; a script is stopped after 20


@dataclass(frozen=True)
class Outcome:
    """What a script printed and how it ended, and the layer that it made; ``error`` where the executor
    failed."""

    output: str = ""
    code: int = -1
    layer: Path = Path()
    times: tuple[float, ...] = ()
    error: str = ""


class Server:
    """One executor that runs scripts, started at the first. ``folder`` is its own; ``user``: not as root."""

    def __init__(self, executor: str, layer: Path, folder: Path, *, user: int = 0) -> None:
        self._executor = executor
        self._layer = layer
        self._folder = folder
        self.user = user
        self._count = 0
        self._process: subprocess.Popen[bytes] | None = None

    def ask(self, script: str) -> None:
        """Start ``script``."""
        if self._process is None:
            self._start()
        process = self._running()
        assert process.stdin is not None
        # One that has ended is noticed when the answer does not come.
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(json.dumps({"script": script}).encode() + b"\n")
            process.stdin.flush()

    def answer(self) -> Outcome:
        """The outcome of the script that was started. An executor that hangs or dies is started anew."""
        try:
            found = self._read()
        except TimeoutError as error:
            self.close()
            return Outcome(error=f"{self._executor}: {error}\n{self.log()}")
        if "error" in found:
            return Outcome(error=f"{found['error']}\n{self.log()}")
        return Outcome(found["output"], found["code"], Path(found["layer"]), tuple(found["times"]))

    def log(self) -> str:
        """What the server wrote to standard error at last."""
        log = self._folder / "log"
        return log.read_text(errors="replace")[-3000:] if log.exists() else ""

    def close(self) -> None:
        """End the server and everything that it started."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.communicate()
            self._process = None

    def _running(self) -> subprocess.Popen[bytes]:
        assert self._process is not None
        return self._process

    def _start(self) -> None:
        self._count += 1
        state = self._folder / f"home/state-{self._count}"
        with open(self._folder / "log", "wb") as log:
            self._process = subprocess.Popen(
                self._command(state),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd="/",
                env=self._environment(),
                start_new_session=True,
            )
        try:
            self._read()
        except TimeoutError as error:
            self.close()
            raise RuntimeError(f"{self._executor} does not start: {error}\n{self.log()}") from error

    def _read(self) -> dict[str, Any]:
        output = self._running().stdout
        assert output is not None
        if not select.select([output], [], [], _PATIENCE)[0]:
            raise TimeoutError("no answer")
        line = output.readline()
        if not line:
            raise TimeoutError("it ended")
        found: dict[str, Any] = json.loads(line)
        return found

    def _command(self, state: Path) -> list[str]:
        module = ["-m", "tests.calls.serve", self._executor, str(state), str(self._layer)]
        if not self.user:
            state.parent.mkdir(exist_ok=True)
            return [sys.executable, *module]
        bound = self._bound()
        for target in (*bound, state.parent):
            target.mkdir(exist_ok=True)
        os.chown(state.parent, self.user, self.user)
        script = "".join(f'mount --bind "{source}" "{target}"\n' for target, source in bound.items())
        script += f"exec setpriv --reuid={self.user} --regid={self.user} --clear-groups --no-new-privs "
        script += '--bounding-set=-all --inh-caps=-all "$@"'
        python = f"{self._folder}/python/bin/{Path(sys.executable).resolve().name}"
        return ["unshare", "--mount", "sh", "-ec", script, "sh", python, *module]

    # Python and the checkout may lie where only root gets to: they are bound to folders that all can read.
    def _bound(self) -> dict[Path, Path]:
        return {
            self._folder / "python": Path(sys.base_prefix),
            self._folder / "site": Path(sysconfig.get_paths()["purelib"]),
            self._folder / "source": _CHECKOUT,
        }

    def _environment(self) -> dict[str, str]:
        common = {
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        if not self.user:
            return common | {"PYTHONPATH": str(_CHECKOUT)}
        return common | {
            "PYTHONPATH": f"{self._folder}/source:{self._folder}/site",
            "LD_LIBRARY_PATH": f"{self._folder}/python/lib",
        }
