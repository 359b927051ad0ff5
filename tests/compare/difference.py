"""Every way in which two images differ, one line each; what is excused stands in ``EXCUSED``."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import replace
from typing import Any

from tests.compare.entries import Exported, Filesystem

_CONFIG = (
    "Env",
    "Cmd",
    "Entrypoint",
    "WorkingDir",
    "User",
    "ExposedPorts",
    "Volumes",
    "Labels",
    "Healthcheck",
    "OnBuild",
    "Shell",
    "StopSignal",
    "ArgsEscaped",
)
_TOP = ("architecture", "os", "author", "variant")

_FLAGS = re.compile(r"^(COPY|ADD)(?: --(?:parents|chown=\S+|chmod=\S+))+")

PARTS = ("files", "config", "history")

EXCUSED = {
    "created times": "docker stamps the clock of the build: not a property of the Dockerfile",
    "modification times": "of what RUN writes and of new folders: the clock of the build, too",
    "attributes other than security.*": "docker 20.10 leaves them out of its layers (it writes "
    "security.capability alone); ours keeps them all, which tests/behaviour looks at",
    "flags of COPY and ADD in the history": "docker 20.10 writes none, BuildKit --parents, --chown and "
    "--chmod since; tests/golden looks at ours",
    "empty values": "docker writes null or an empty list where the specification lets a field be left out",
}
"""What no comparison looks at, and why."""


def difference(docker: Exported, ours: Exported, *, excused: Collection[str] = ()) -> list[str]:
    """What differs in files and configuration, docker's value first; empty when they are equal.

    ``excused`` are parts (files, config, history) and beginnings of differences that the caller leaves
    out, and says why; one that does not occur is reported.
    """
    found = _parts(docker, ours, excused)
    beginnings = [text for text in excused if text not in PARTS]
    stale = [f"excused, but equal: {text}" for text in beginnings if not _any(found, text)]
    return [line for line in found if not line.startswith(tuple(beginnings))] + stale


def _any(lines: list[str], beginning: str) -> bool:
    return any(line.startswith(beginning) for line in lines)


def _parts(docker: Exported, ours: Exported, skip: Collection[str]) -> list[str]:
    found: list[str] = []
    if "files" not in skip:
        found += files_difference(_docker_attributes(docker.files), _docker_attributes(ours.files))
    if "config" not in skip:
        found += config_difference(docker.config, ours.config)
    if "history" not in skip:
        found += _history(docker.config, ours.config)
    return found


def files_difference(
    docker: Filesystem, ours: Filesystem, names: tuple[str, str] = ("docker", "ours")
) -> list[str]:
    """What differs in the files, all extended attributes included. ``names`` are what the two are called."""
    found = [f"layers break the specification: {fault}" for fault in ours.faults]
    for path in sorted(docker.entries.keys() | ours.entries.keys()):
        left, right = docker.entries.get(path), ours.entries.get(path)
        if left is None or right is None:
            found.append(f"/{path}: only in {names[left is None]}: {left or right}")
        else:
            found += [f"/{path}: {text}" for text in left.differences(right)]
    for group in sorted(docker.links ^ ours.links, key=sorted):
        where = names[group not in docker.links]
        found.append(f"hard links only in {where}: {' '.join(sorted(group))}")
    return found


def config_difference(docker: dict[str, Any], ours: dict[str, Any]) -> list[str]:
    """What differs in the configuration that a container runs with."""
    found = [_unequal(name, docker.get(name), ours.get(name)) for name in _TOP]
    left, right = docker.get("config") or {}, ours.get("config") or {}
    found += [_unequal(f"config.{name}", left.get(name), right.get(name)) for name in _CONFIG]
    return [text for text in found if text]


def _docker_attributes(files: Filesystem) -> Filesystem:
    entries = {
        path: replace(entry, xattrs=tuple(pair for pair in entry.xattrs if pair[0].startswith("security.")))
        for path, entry in files.entries.items()
    }
    return replace(files, entries=entries)


def _history(docker: dict[str, Any], ours: dict[str, Any]) -> list[str]:
    left = _steps(docker)
    right = [(_FLAGS.sub(r"\1", text), *rest) for text, *rest in _steps(ours)]
    if left == right:
        return []
    found = [f"history has {len(left)} entries in docker, {len(right)} in ours"] * (len(left) != len(right))
    for number, (mine, theirs) in enumerate(zip(left, right, strict=False)):
        if mine != theirs:
            found.append(f"history {number}: {mine} != {theirs}")
    return found


def _steps(config: dict[str, Any]) -> list[tuple[str, bool, str]]:
    return [
        (step.get("created_by", ""), bool(step.get("empty_layer")), step.get("author", ""))
        for step in config.get("history") or []
    ]


def _unequal(name: str, left: object, right: object) -> str:
    same = (left or None) == (right or None)
    return "" if same else f"{name}: {left!r} != {right!r}"
