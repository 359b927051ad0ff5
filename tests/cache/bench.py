"""Builds with a cache in a real registry, behind a proxy that counts what is asked for, and breaks it."""

from __future__ import annotations

import gzip
import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.compare.builders import Built, run_ours
from tests.servers import bases
from tests.servers.bases import Base
from tests.servers.breaking_proxy import BreakingProxy, Seen, serve_broken
from tests.servers.registry import RunningRegistry, start_registry

_STARTED = re.compile(r"^#(\d+) \[([^\]]+)\]", re.MULTILINE)
_FINISHED = re.compile(r"^#(\d+) (DONE|CACHED|ERROR)", re.MULTILINE)


@dataclass(frozen=True)
class Outcome:
    """How a build ended: what it printed, its steps by label, and what it asked the registry for."""

    built: Built
    seen: tuple[Seen, ...]

    @property
    def text(self) -> str:
        return self.built.text

    @property
    def steps(self) -> dict[str, str]:
        """How each step that touches files ended, by its label such as ``app 1/2``; ``app base`` is the
        unpacking of a base."""
        labels = dict(_STARTED.findall(self.text))
        return {labels[number]: how for number, how in _FINISHED.findall(self.text)}

    @property
    def warnings(self) -> list[str]:
        return [line for line in self.text.splitlines() if line.startswith("warning: ")]

    def asked(self, method: str, path: str = "") -> list[str]:
        """The paths of requests."""
        return [one.path for one in self.seen if one.method == method and re.search(path, one.path)]

    def downloads(self, configs: set[str]) -> list[str]:
        """Blobs that were fetched, but for those with these digests."""
        return [path for path in self.asked("GET", "/blobs/") if path.rpartition("/")[2] not in configs]

    def uploads(self) -> list[str]:
        """Requests that bring bytes of blobs."""
        return self.asked("PATCH", "/uploads/") + self.asked("PUT", "/uploads/")


@dataclass
class Bench:
    """``host`` is the proxy's. Builds share a context, and the repository ``app`` unless they say other."""

    folder: Path
    server: RunningRegistry
    proxy: BreakingProxy
    base: str
    env: dict[str, str] = field(default_factory=dict)

    @property
    def host(self) -> str:
        return self.proxy.host

    @property
    def context(self) -> Path:
        return self.folder / "context"

    def write(self, files: Mapping[str, str]) -> None:
        """Files of the context; BASE in them is the base's reference."""
        for name, text in files.items():
            path = self.context / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text.replace("BASE", self.base))

    def build(
        self,
        *arguments: str,
        code: int = 0,
        isolation: str = "namespace",
        push: bool = True,
        env: Mapping[str, str] | None = None,
    ) -> Outcome:
        """Build the context; it must end with ``code``. Without ``push`` the outputs are in ``arguments``, or
        it goes to the store."""
        before = len(self.proxy.seen)
        tags = ("-t", f"{self.host}/app:1", "--push") if push else ()
        command = ["build", "--progress=plain", f"--isolation={isolation}", *tags, *arguments]
        home = self.folder / "home"
        home.mkdir(exist_ok=True)
        built = run_ours(
            [*command, str(self.context)], home=home, env={**self.env, **(env or {})}, timeout=120
        )
        assert built.code == code, built.text
        assert "Traceback" not in built.text, built.text
        return Outcome(built, tuple(self.proxy.seen[before:]))

    def cached(self, *arguments: str, mode: str = "max", **more: Any) -> Outcome:
        """The same with a cache in the registry, read and written."""
        return self.build(*self.places(mode), *arguments, **more)

    def places(self, mode: str = "max", name: str = "cache:main") -> tuple[str, str]:
        reference = f"type=registry,ref={self.host}/{name}"
        return f"--cache-from={reference}", f"--cache-to={reference},mode={mode}"

    def manifest(self, name: str) -> dict[str, Any]:
        """A manifest in the registry, by another program."""
        return self.inspected("--raw", name)

    def config(self, name: str) -> dict[str, Any]:
        return self.inspected("--config", "--raw", name)

    def inspected(self, *arguments: str) -> dict[str, Any]:
        *flags, name = arguments
        reference = f"docker://{self.server.host}/{name}"
        command = ["skopeo", "inspect", "--tls-verify=false", *flags, reference]
        found: dict[str, Any] = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
        return found

    def listed(self, name: str) -> bytes:
        """The tags of a repository, by another program."""
        command = ["skopeo", "list-tags", "--tls-verify=false", f"docker://{self.server.host}/{name}"]
        return subprocess.run(command, capture_output=True, check=True).stdout

    def records(self, name: str = "cache:main") -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.config(name)["ci_builder.cache"]["records"]
        return found

    def blobs(self) -> Iterator[bytes]:
        """Everything that the registry holds, unpacked."""
        for path in (self.server.storage / "docker/registry/v2/blobs").rglob("data"):
            data = path.read_bytes()
            yield gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data

    def remove_blob(self, digest: str, repository: str = "cache") -> None:
        """As a garbage collection would."""
        self.server.remove_blob(digest, repository)


@contextmanager
def make_bench(folder: Path, busybox: Base) -> Iterator[Bench]:
    """With an empty registry but for the base."""
    with start_registry(folder) as server, serve_broken(server.host) as proxy:
        bases.push(busybox, server.host)
        yield Bench(folder, server, proxy, f"{proxy.host}/base/{busybox.name}:latest")
