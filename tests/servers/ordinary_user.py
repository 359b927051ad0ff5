"""A user without any right, with subordinate ids, who runs this project: made in a mount namespace, so
that this machine's own users stay as they are."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.compare.builders import Built
from tests.servers.compiled import compiled_source

UID = 4242
_NAME = "builder"
_RANGE = "700000:65536"
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# Python and the checkout may lie where only root gets to: they are bound to folders that all can read.
_SCRIPT = """
mount --bind {etc}/passwd /etc/passwd
mount --bind {etc}/group /etc/group
touch /etc/subuid /etc/subgid
mount --bind {etc}/subuid /etc/subuid
mount --bind {etc}/subuid /etc/subgid
mount --bind {python} {folder}/python
mount --bind {site} {folder}/site
mount --bind {root} {folder}/source
{more}cd {home}
exec setpriv --reuid={uid} --regid={uid} --clear-groups {flags} "$@"
"""


def refusal() -> str:
    """Why there can be no such user here, in one line; empty when there can."""
    if os.geteuid() != 0:
        return "becoming an ordinary user needs root"
    if shutil.which("newuidmap") is None:
        return "newuidmap is not installed (Debian's uidmap)"
    if subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False).returncode:
        return "a mount namespace needs the right to mount"
    return ""


class OrdinaryUser:
    """Runs the command line as a user whose home is the new folder ``home`` below ``folder``.

    ``more`` are folders that only root may get to, each shown under a name below ``folder``; ``flags`` are
    further ones of setpriv.
    """

    def __init__(
        self,
        folder: Path,
        more: Mapping[Path, str] | None = None,
        *,
        flags: Sequence[str] = (),
    ) -> None:
        self.folder = folder
        self._flags = " ".join(flags)
        self._more = dict(more or {})
        self.home = folder / "home"
        for name in ("home", "etc", "python", "site", "source", *self._more.values()):
            (folder / name).mkdir(parents=True)
        os.chown(self.home, UID, UID)
        etc = folder / "etc"
        user, group = f"{_NAME}:x:{UID}:{UID}::{self.home}:/bin/sh\n", f"{_NAME}:x:{UID}:\n"
        (etc / "passwd").write_text(Path("/etc/passwd").read_text() + user)
        (etc / "group").write_text(Path("/etc/group").read_text() + group)
        (etc / "subuid").write_text(f"{_NAME}:{_RANGE}\n")

    def __call__(self, arguments: Sequence[str], *, timeout: float = 900) -> Built:
        """The command line with ``arguments``."""
        python = self.folder / "python" / "bin" / Path(sys.executable).resolve().name
        script = _SCRIPT.format(
            etc=self.folder / "etc",
            python=sys.base_prefix,
            site=sysconfig.get_paths()["purelib"],
            root=compiled_source(),
            folder=self.folder,
            more="".join(f"mount --bind {path} {self.folder}/{name}\n" for path, name in self._more.items()),
            home=self.home,
            uid=UID,
            flags=self._flags,
        )
        done = subprocess.run(
            [
                "unshare",
                "--mount",
                "sh",
                "-ec",
                script,
                "sh",
                str(python),
                "-m",
                "ci_builder.cli",
                *arguments,
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=timeout,
            check=False,
            env={
                "PATH": _PATH,
                "HOME": str(self.home),
                "PYTHONPATH": f"{self.folder}/source:{self.folder}/site",
                "PYTHONDONTWRITEBYTECODE": "1",
                "LD_LIBRARY_PATH": f"{self.folder}/python/lib",
            },
        )
        return Built(done.returncode, done.stdout.decode(errors="replace"))
