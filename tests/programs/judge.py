"""What differs between two builds of a program beyond its excuses."""

from __future__ import annotations

import fnmatch
import functools
import hashlib
import json
import pickle
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from difflib import unified_diff
from pathlib import Path
from typing import Any

from tests.compare import entries, layers
from tests.compare.builders import Built
from tests.compare.difference import config_difference, files_difference
from tests.compare.entries import Exported, Filesystem
from tests.compare.layers import apply_layers
from tests.programs.program import Program
from tests.servers.bases import Base

_SHOWN = re.compile(r"#(\d+) \d+\.\d{3}(?: (.*))?$")
"""A line of a command's output in the plain display: step, seconds, text."""


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two builds: who made it, how it ended, and the OCI layout that it wrote."""

    name: str
    built: Built
    layout: Path


def differences(program: Program, left: Side, right: Side) -> list[str]:
    """One line each; empty when exit code, output, files and configuration are equal."""
    if left.built.code or right.built.code:
        ends = [f"{side.name}: exit code {side.built.code}\n{side.built.text}" for side in (left, right)]
        return [text for text, side in zip(ends, (left, right), strict=True) if side.built.code]
    names = (left.name, right.name)
    found = _output(program, left, right)
    mine, theirs = (_export(side.layout, program.base) for side in (left, right))
    found += _stale(program, mine.files)
    found += files_difference(_steady(program, mine.files), _steady(program, theirs.files), names)
    return found + config_difference(mine.config, theirs.config)


def _output(program: Program, left: Side, right: Side) -> list[str]:
    mine, theirs = _lines(left.built.text, program), _lines(right.built.text, program)
    whole = "\n".join(found[2] or "" for found in map(_SHOWN.match, left.built.text.splitlines()) if found)
    stale = [text for text in program.unsteady if not re.search(text, whole, re.MULTILINE)]
    return [f"excused, but not in the output: {text}" for text in stale] + [
        f"output {line}" for line in unified_diff(mine, theirs, left.name, right.name, lineterm="", n=1)
    ]


def _lines(text: str, program: Program) -> list[str]:
    """What the commands printed, each line with its step."""
    found: list[str] = []
    for line in text.splitlines():
        match = _SHOWN.match(line)
        if match:
            said = match[2] or ""
            for pattern in program.unsteady:
                said = re.sub(pattern, "…", said)
            found.append(f"#{match[1]} {said}")
    return sorted(found) if program.unordered else found


def _export(layout: Path, base: Base) -> Exported:
    """The one image of a layout; its base is read once for all."""
    manifest, config = _manifest(layout)
    below = _base_files(base)
    _, base_config = _manifest(base.layout)
    count = len(base_config["rootfs"]["diff_ids"])
    assert config["rootfs"]["diff_ids"][:count] == base_config["rootfs"]["diff_ids"]
    return Exported(apply_layers(_layers(layout, manifest)[count:], below), config)


@functools.cache
def _base_files(base: Base) -> Filesystem:
    """What is in a base: kept beside it, since reading a big one takes long."""
    readers = b"".join(Path(module.__file__ or "").read_bytes() for module in (entries, layers))
    kept = base.layout.parent / f"{base.layout.name}-files-{hashlib.sha256(readers).hexdigest()[:16]}"
    if not kept.exists():
        files = apply_layers(_layers(base.layout, _manifest(base.layout)[0]))
        unfinished = Path(tempfile.mkdtemp(prefix="unfinished-", dir=kept.parent)) / "files"
        unfinished.write_bytes(pickle.dumps(files))
        unfinished.rename(kept)
        unfinished.parent.rmdir()
    found = pickle.loads(kept.read_bytes())
    assert isinstance(found, Filesystem)
    return found


def _layers(layout: Path, manifest: dict[str, Any]) -> Sequence[Path]:
    return [_blob(layout, layer["digest"]) for layer in manifest["layers"]]


def _manifest(layout: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    (entry,) = json.loads((layout / "index.json").read_text())["manifests"]
    manifest = json.loads(_blob(layout, entry["digest"]).read_bytes())
    return manifest, json.loads(_blob(layout, manifest["config"]["digest"]).read_bytes())


def _blob(layout: Path, digest: str) -> Path:
    algorithm, _, value = digest.partition(":")
    return layout / "blobs" / algorithm / value


def _stale(program: Program, files: Filesystem) -> list[str]:
    unused = [pattern for pattern in program.excused if not fnmatch.filter(files.entries, pattern)]
    return [f"excused, but not there: {pattern}" for pattern in unused]


def _steady(program: Program, files: Filesystem) -> Filesystem:
    """Without the content of what is excused."""
    found = dict(files.entries)
    for path in [path for pattern in program.excused for path in fnmatch.filter(files.entries, pattern)]:
        found[path] = replace(found[path], content="", size=0)
    return replace(files, entries=found)
