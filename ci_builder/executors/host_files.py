"""Copies of the builder's host files, which commands see as theirs."""

from __future__ import annotations

import os
from pathlib import Path

from ci_builder.executors.open_folder import make_open_folder
from ci_builder.values import dataclass

HOSTNAME = "buildsandbox"
_LOCAL_HOSTS = "127.0.0.1\tlocalhost{}\n::1\tlocalhost ip6-localhost ip6-loopback\n"


@dataclass(frozen=True, slots=True)
class HostFiles:
    """``folder`` holds ``hosts`` and ``resolv.conf`` once they are prepared. ``hostname`` is what commands
    see as the name of their machine: it has an address, as in a container of docker's."""

    folder: Path
    hostname: str = HOSTNAME

    def prepare(self) -> None:
        """Make the copies. The builder's own hosts entries (a CI's services) come after the local ones."""
        make_open_folder(self.folder)
        own, name = _own_file("/etc/hosts"), self.hostname
        local = _LOCAL_HOSTS.format("" if os.fsencode(name) in own.split() else f" {name}")
        contents = {"hosts": os.fsencode(local) + own, "resolv.conf": _own_file("/etc/resolv.conf")}
        for file, content in contents.items():
            (self.folder / file).write_bytes(content)
            (self.folder / file).chmod(0o644)  # whatever the umask of the job


def _own_file(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError:
        return b""
