"""The image config (OCI image spec, config.md; Docker image spec v1.2 for its additional keys)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ci_builder.errors import ImageError
from ci_builder.oci.digest import Digest
from ci_builder.oci.parsed import parsed
from ci_builder.oci.platform import Platform
from ci_builder.values import dataclass, replace


@dataclass(frozen=True, slots=True)
class History:
    """One history entry; ``empty_layer`` when the instruction made no layer."""

    created: str = ""
    created_by: str = ""
    comment: str = ""
    author: str = ""
    empty_layer: bool = False

    def to_json(self) -> dict[str, Any]:
        """The JSON object; empty fields are left out."""
        value: dict[str, Any] = {}
        for key in ("created", "created_by", "author", "comment"):
            if getattr(self, key):
                value[key] = getattr(self, key)
        if self.empty_layer:
            value["empty_layer"] = True
        return value


@dataclass(frozen=True, slots=True)
class Healthcheck:
    """Docker's healthcheck: ``test`` as in the config; times in nanoseconds, 0 for inherit."""

    test: tuple[str, ...]
    interval: int = 0
    timeout: int = 0
    start_period: int = 0
    start_interval: int = 0
    retries: int = 0

    def to_json(self) -> dict[str, Any]:
        """Docker's JSON object."""
        value: dict[str, Any] = {"Test": list(self.test)} if self.test else {}
        value.update({key: getattr(self, name) for name, key in _HEALTH_KEYS if getattr(self, name)})
        return value

    @staticmethod
    def from_json(value: Mapping[str, Any]) -> Healthcheck:
        """From docker's JSON object."""
        times = {name: int(value.get(key) or 0) for name, key in _HEALTH_KEYS}
        return Healthcheck(tuple(value.get("Test") or ()), **times)


_HEALTH_KEYS = (
    ("interval", "Interval"),
    ("timeout", "Timeout"),
    ("start_period", "StartPeriod"),
    ("start_interval", "StartInterval"),
    ("retries", "Retries"),
)

_KNOWN_RUN_KEYS = frozenset(
    "User ExposedPorts Env Entrypoint Cmd Volumes WorkingDir Labels StopSignal Healthcheck OnBuild "
    "Shell".split()
)


@dataclass(frozen=True, slots=True)
class RunConfig:
    """The ``config`` object: how containers of the image start. None means that the key is absent.

    ``env`` keeps its order as (name, value) pairs; ``exposed_ports`` (``80/tcp``) and ``volumes`` are
    sorted; ``extra`` holds keys that are not known here (``ArgsEscaped`` …) and goes back unchanged.
    """

    user: str = ""
    exposed_ports: tuple[str, ...] = ()
    env: tuple[tuple[str, str], ...] = ()
    entrypoint: tuple[str, ...] | None = None
    cmd: tuple[str, ...] | None = None
    volumes: tuple[str, ...] = ()
    working_dir: str = ""
    labels: tuple[tuple[str, str], ...] = ()
    stop_signal: str = ""
    healthcheck: Healthcheck | None = None
    onbuild: tuple[str, ...] = ()
    shell: tuple[str, ...] | None = None
    extra: tuple[tuple[str, Any], ...] = ()

    @staticmethod
    def from_json(value: Mapping[str, Any]) -> RunConfig:
        """From the JSON object of an image config."""
        env = [str(item).partition("=") for item in value.get("Env") or ()]
        health = value.get("Healthcheck")
        return RunConfig(
            user=str(value.get("User") or ""),
            exposed_ports=tuple(sorted(_texts(value.get("ExposedPorts")))),
            env=tuple((name, text) for name, _, text in env),
            entrypoint=_words(value.get("Entrypoint")),
            cmd=_words(value.get("Cmd")),
            volumes=tuple(sorted(_texts(value.get("Volumes")))),
            working_dir=str(value.get("WorkingDir") or ""),
            labels=tuple((name, str(text or "")) for name, text in (value.get("Labels") or {}).items()),
            stop_signal=str(value.get("StopSignal") or ""),
            healthcheck=Healthcheck.from_json(health) if health else None,
            onbuild=_texts(value.get("OnBuild")),
            shell=_words(value.get("Shell")),
            extra=tuple((key, item) for key, item in value.items() if key not in _KNOWN_RUN_KEYS),
        )

    def to_json(self) -> dict[str, Any]:
        """The JSON object; absent and empty keys are left out."""
        value: dict[str, Any] = {
            "User": self.user,
            "ExposedPorts": {port: {} for port in self.exposed_ports},
            "Env": [f"{name}={text}" for name, text in self.env],
            "Entrypoint": None if self.entrypoint is None else list(self.entrypoint),
            "Cmd": None if self.cmd is None else list(self.cmd),
            "Healthcheck": None if self.healthcheck is None else self.healthcheck.to_json(),
            "Volumes": {path: {} for path in self.volumes},
            "WorkingDir": self.working_dir,
            "OnBuild": list(self.onbuild),
            "Labels": dict(self.labels),
            "StopSignal": self.stop_signal,
            "Shell": None if self.shell is None else list(self.shell),
        }
        # An empty list for Entrypoint or Cmd says "reset", so it stays; other empty values say nothing.
        kept = {
            key: item
            for key, item in value.items()
            if item or (item is not None and key in ("Entrypoint", "Cmd"))
        }
        kept.update(dict(self.extra))
        return kept


@dataclass(frozen=True, slots=True)
class ImageConfig:
    """A whole image config: ``platform``, ``run``, the diff IDs of the layers, bottom first, and history."""

    platform: Platform
    run: RunConfig = RunConfig()
    diff_ids: tuple[Digest, ...] = ()
    history: tuple[History, ...] = ()
    created: str = ""
    author: str = ""
    extra: tuple[tuple[str, Any], ...] = ()

    @staticmethod
    def parse(data: bytes) -> ImageConfig:
        """Parse a config blob. Raises ImageError."""
        try:
            value = parsed(data)
            rootfs = value["rootfs"]
            diff_ids = tuple(Digest.parse(item) for item in rootfs.get("diff_ids") or ())
            history = tuple(_history(item) for item in value.get("history") or ())
            run = RunConfig.from_json(value.get("config") or {})
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
            raise ImageError(f"an image config that cannot be read: {error!r:.200}") from error
        extra = tuple((key, value[key]) for key in ("os.version", "os.features") if key in value)
        return ImageConfig(
            Platform.from_json(value),
            run,
            diff_ids,
            history,
            str(value.get("created") or ""),
            str(value.get("author") or ""),
            extra,
        )

    def with_run(self, run: RunConfig) -> ImageConfig:
        """The same with another ``config`` object."""
        return replace(self, run=run)

    def to_json(self) -> dict[str, Any]:
        """The JSON object."""
        value: dict[str, Any] = {"architecture": self.platform.architecture}
        if self.platform.variant:
            value["variant"] = self.platform.variant
        value["os"] = self.platform.os
        value.update(dict(self.extra))
        if self.created:
            value["created"] = self.created
        if self.author:
            value["author"] = self.author
        value["config"] = self.run.to_json()
        value["rootfs"] = {"type": "layers", "diff_ids": [str(item) for item in self.diff_ids]}
        value["history"] = [item.to_json() for item in self.history]
        return value

    def to_bytes(self) -> bytes:
        """The blob: compact JSON, deterministic."""
        return json.dumps(self.to_json(), separators=(",", ":"), ensure_ascii=False).encode()


def _words(value: object) -> tuple[str, ...] | None:
    if value is None:
        return None
    if not isinstance(value, list):
        raise TypeError(f"a list of words was expected, not {value!r}")
    return tuple(str(item) for item in value)


def _texts(value: Any) -> tuple[str, ...]:
    """The names of an object, or what a list says."""
    found = value or ()
    if not isinstance(found, (dict, list, tuple)) or not all(isinstance(item, str) for item in found):
        raise TypeError(f"texts were expected, not {value!r}")
    return tuple(found)


def _history(value: Mapping[str, Any]) -> History:
    return History(
        str(value.get("created") or ""),
        str(value.get("created_by") or ""),
        str(value.get("comment") or ""),
        str(value.get("author") or ""),
        bool(value.get("empty_layer")),
    )
