"""An order to the launcher: what to run, and in which surroundings."""

from __future__ import annotations

import base64
import json
from typing import Any

from ci_builder.executors.interface import Mount, Process
from ci_builder.request import ResourceLimit
from ci_builder.values import asdict, dataclass, replace


@dataclass(frozen=True, slots=True)
class PrivateRoot:
    """Namespaces and mounts of their own.

    ``folder`` becomes ``/``. ``files`` are (file outside, path inside without symbolic links) pairs
    that are mounted; their mount points exist; the command's mounts come after them. ``guard``: this process
    is the machine's root, so what the kernel would let root do through /proc, /sys and device nodes must be
    shut. ``single_id``: the namespace has root's ids only, so that other ids and devices are
    pretended and recorded.
    """

    folder: str
    files: tuple[tuple[str, str], ...]
    guard: bool
    network: bool
    hostname: str
    single_id: bool = False


@dataclass(frozen=True, slots=True)
class SeenAt:
    """``host`` is seen at ``place``, a real path of the image; the rest: see supervisor.view.Mount."""

    place: str
    host: str
    recorded: bool
    read_only: bool = False


@dataclass(frozen=True, slots=True)
class Supervised:
    """No root of its own: a supervisor shows the command ``folder`` as ``/``, with ``mounts`` over it.
    ``own`` is a private folder of the supervisor, with empty folders ``x`` and ``s``."""

    folder: str
    mounts: tuple[SeenAt, ...]
    own: str


@dataclass(frozen=True, slots=True)
class Launch:
    """``process`` (without ``stdin``, which travels as a descriptor) in ``root``; None: where the builder
    itself lives, chrooted into ``folder`` unless that is empty, or under a supervisor (``supervised``).
    ``dry``: set everything up, then exit 0 instead of executing."""

    process: Process
    root: PrivateRoot | None
    dry: bool = False
    folder: str = ""
    supervised: Supervised | None = None

    def to_bytes(self) -> bytes:
        """The order as JSON."""
        value = asdict(replace(self, process=replace(self.process, stdin=b"", files=())))
        del value["process"]["stdin"]
        value["process"]["files"] = [
            (path, base64.b64encode(content).decode(), mode) for path, content, mode in self.process.files
        ]
        return json.dumps(value).encode()

    @staticmethod
    def from_bytes(data: bytes) -> Launch:
        """The inverse of ``to_bytes``."""
        value = json.loads(data)
        root = value["root"]
        return Launch(
            _process(value["process"]),
            _root(root) if root else None,
            value["dry"],
            value["folder"],
            _supervised(value["supervised"]) if value["supervised"] else None,
        )


def _process(value: dict[str, Any]) -> Process:
    return Process(
        argv=tuple(value["argv"]),
        env=tuple((name, text) for name, text in value["env"]),
        cwd=value["cwd"],
        uid=value["uid"],
        gid=value["gid"],
        groups=tuple(value["groups"]),
        network=value["network"],
        files=tuple((path, base64.b64decode(data), mode) for path, data, mode in value["files"]),
        mounts=tuple(Mount(**item) for item in value["mounts"]),
        limits=tuple(ResourceLimit(**item) for item in value["limits"]),
        seconds=value["seconds"],
    )


def _supervised(value: dict[str, Any]) -> Supervised:
    mounts = tuple(SeenAt(**item) for item in value["mounts"])
    return Supervised(**(value | {"mounts": mounts}))


def _root(value: dict[str, Any]) -> PrivateRoot:
    files = tuple((outside, inside) for outside, inside in value["files"])
    return PrivateRoot(**(value | {"files": files}))
