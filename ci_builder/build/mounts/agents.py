"""SSH agents for RUN --mount=type=ssh: a socket of the command's own, whose bytes go to the agent's."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import stat as stat_module
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from ci_builder.errors import CiBuilderError, UsageError
from ci_builder.values import dataclass, field

_PIECE = 1 << 16
_VARIABLE = "SSH_AUTH_SOCK"


@dataclass(frozen=True, slots=True)
class Agents:
    """The sockets of agents by id."""

    sockets: dict[str, Path] = field(default_factory=dict)

    @staticmethod
    def find(specs: Sequence[tuple[str, str]], environment: str) -> Agents:
        """``specs`` are those of --ssh: ids with a socket's path, or empty for the one that SSH_AUTH_SOCK
        (``environment``) says. Raises UsageError."""
        return Agents({name: _socket(name, path or environment) for name, path in specs})

    def get(self, name: str, *, required: bool) -> Path | None:
        """The socket of one, None where it was not given. Raises CiBuilderError when it is ``required``."""
        found = self.sockets.get(name)
        if found is None and required:
            raise CiBuilderError(
                f"the SSH agent {name} is required and was not given",
                hint=f"start an agent in the job and give it with --ssh {name}",
            )
        return found


def _socket(name: str, path: str) -> Path:
    if not path:
        raise UsageError(
            f"--ssh {name}: there is no agent, {_VARIABLE} is not set",
            hint='start one in the job: eval "$(ssh-agent)"; ssh-add KEY',
        )
    try:
        status = os.stat(path)
    except OSError as error:
        raise UsageError(f"--ssh {name}: {error.strerror}: {path}") from error
    if not stat_module.S_ISSOCK(status.st_mode):
        raise UsageError(
            f"--ssh {name}: {path} is no agent's socket",
            hint='keys are not read from files; start an agent in the job: eval "$(ssh-agent)"; ssh-add KEY',
        )
    return Path(os.path.abspath(path))


@contextlib.contextmanager
def forwarded(agent: Path, place: Path) -> Iterator[None]:
    """``place`` is a socket that leads to ``agent`` as long as this lasts. Raises OSError."""
    listener = socket.socket(socket.AF_UNIX)
    _bind(listener, place)
    listener.listen()
    ended, end = os.pipe()
    accepting = threading.Thread(target=_accept, args=(listener, agent, ended), daemon=True)
    accepting.start()
    try:
        yield
    finally:
        os.write(end, b".")
        accepting.join()
        os.close(ended)
        os.close(end)
        listener.close()


def _bind(listener: socket.socket, place: Path) -> None:
    """Under a short name: a socket's path has room for 107 bytes only."""
    folder = os.open(place.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        listener.bind(f"/proc/self/fd/{folder}/{place.name}")
    finally:
        os.close(folder)


def _accept(listener: socket.socket, agent: Path, ended: int) -> None:
    while True:
        ready, _, _ = select.select([listener.fileno(), ended], [], [])
        if ended in ready:
            return
        client, _ = listener.accept()
        # Each has an end of its own: the number of this one will be another file's.
        arguments = (client, agent, os.dup(ended))
        threading.Thread(target=_connect, args=arguments, daemon=True).start()


def _connect(client: socket.socket, agent: Path, ended: int) -> None:
    """Pass bytes on in both directions until one side has closed, or ``ended``, which is closed then, can be
    read."""
    with (
        client,
        os.fdopen(ended, "rb"),
        socket.socket(socket.AF_UNIX) as server,
        contextlib.suppress(OSError),
    ):
        server.connect(os.fspath(agent))
        while True:
            ready, _, _ = select.select([client.fileno(), server.fileno(), ended], [], [])
            if ended in ready:
                return
            for source, target in ((client, server), (server, client)):
                if source.fileno() not in ready:
                    continue
                data = source.recv(_PIECE)
                if not data:
                    return
                target.sendall(data)
