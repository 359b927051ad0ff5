"""Copies of the builder's host files, which commands see as theirs."""

from __future__ import annotations

from pathlib import Path

from ci_builder.values import dataclass

HOSTNAME = "buildsandbox"
_LOCAL_HOSTS = f"127.0.0.1\tlocalhost {HOSTNAME}\n::1\tlocalhost ip6-localhost ip6-loopback\n"


@dataclass(frozen=True, slots=True)
class HostFiles:
    """``folder`` holds ``hosts`` and ``resolv.conf`` once they are prepared."""

    folder: Path

    def prepare(self) -> None:
        """Make the copies. The builder's own hosts entries (a CI's services) come after the local ones."""
        self.folder.mkdir(mode=0o755)
        (self.folder / "hosts").write_bytes(_LOCAL_HOSTS.encode() + _own_file("/etc/hosts"))
        (self.folder / "resolv.conf").write_bytes(_own_file("/etc/resolv.conf"))


def _own_file(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError:
        return b""
