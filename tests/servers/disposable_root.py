"""A root file system that a build in place may replace: as a container of the builder image has it, made
with a mount namespace and chroot, without a daemon."""

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
from tests.servers.container import DEVICES, RIGHTS

_OWN = "/ci-builder"
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# A copy for each build, as each leaves another image behind. The shell stays as the first process, as a
# job's does, and lies where nothing is removed. What is mounted stays, too, and is not looked through after
# each command, as the builder's own folder is.
_SCRIPT = f"""
root=$1; shift
umask 022
cp -a "$root.template" "$root"
mount --bind "$root" "$root"
{DEVICES}
for name in hosts resolv.conf; do
    mount --bind "$root.template/etc/$name" "$root/etc/$name"
done
while [ "$1" != -- ]; do
    mount --bind "$1" "$root$2"
    shift 2
done
shift
exec {RIGHTS} chroot "$root" {_OWN}/busybox sh -c '"$@"; exit $?' sh "$@"
"""


class DisposableRoot:
    """Runs the command line where ``/`` is a copy of a small root that is made in the new ``folder``. Needs
    root with the right to mount, and busybox-static.

    ``more`` are folders of this machine, each shown under an absolute path.
    """

    def __init__(self, folder: Path, more: Mapping[Path, str]) -> None:
        self._root = folder / "root"
        self._shown = {
            Path(sys.base_prefix): "/opt/python",
            Path(sysconfig.get_paths()["purelib"]): "/opt/site",
            compiled_source(): "/opt/source",
            **more,
        }
        template = folder / "root.template"
        own = template / _OWN[1:]
        places = (path[1:] for path in self._shown.values())
        for place in ("ci-builder/tmp", "ci-builder/home", "proc", "dev", "sys", "etc", "tmp", *places):
            (template / place).mkdir(parents=True, exist_ok=True)
        for name in ("hosts", "resolv.conf"):
            shutil.copy(f"/etc/{name}", template / "etc")
        (own / ".image").touch()
        shutil.copy("/bin/busybox", own / "busybox")
        for name, library in _libraries().items():
            target = template / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(library, target)

    def __call__(self, arguments: Sequence[str]) -> Built:
        """The command line with ``arguments``."""
        mounts = [word for path, place in self._shown.items() for word in (str(path), place)]
        python = f"/opt/python/bin/{Path(sys.executable).resolve().name}"
        namespaces = ("unshare", "--mount", "--pid", "--fork", "--kill-child")
        try:
            done = subprocess.run(
                [
                    *(*namespaces, "sh", "-ec", _SCRIPT, "sh", str(self._root), *mounts, "--"),
                    *(python, "-m", "ci_builder.cli", *arguments),
                ],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=600,
                check=False,
                env={
                    "PATH": _PATH,
                    "HOME": "/root",
                    "PYTHONPATH": "/opt/source:/opt/site",
                    "PYTHONDONTWRITEBYTECODE": "1",
                    "LD_LIBRARY_PATH": "/opt/python/lib",
                },
            )
        finally:
            shutil.rmtree(self._root)
        return Built(done.returncode, done.stdout.decode(errors="replace"))


def _libraries() -> dict[str, str]:
    """What the interpreter and the extensions that are used are linked with: path in a root -> path on this
    machine."""
    site = Path(sysconfig.get_paths()["purelib"])
    built_in = Path(sysconfig.get_paths()["stdlib"]) / "lib-dynload"
    binaries = [Path(sys.executable).resolve(), *built_in.glob("*.so")]
    binaries += [file for name in ("isal", "zstandard") for file in (site / name).glob("*.so")]
    # A window system's libraries are nothing that a builder image has.
    wanted = [str(file) for file in binaries if not file.name.startswith("_tkinter")]
    listed = subprocess.run(["ldd", *wanted], capture_output=True, text=True, check=False).stdout
    words = {word for word in listed.split() if word.startswith(("/lib", "/usr/lib")) and ".so" in word}
    found = {word for word in words if not word.endswith(":")}
    # The C library looks for it when a thread ends, and nothing is linked with it.
    found |= {f"{path.rpartition('/')[0]}/libgcc_s.so.1" for path in found if path.endswith("/libc.so.6")}
    return {path.removeprefix("/usr").lstrip("/"): os.path.realpath(path) for path in found}
