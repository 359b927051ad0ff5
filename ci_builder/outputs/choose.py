"""From ``--output`` specifications to outputs."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

from ci_builder.errors import Unsupported, UsageError
from ci_builder.outputs.archive import ArchiveOutput, ArchiveStreamOutput, LayoutOutput
from ci_builder.outputs.files import FolderOutput, TarOutput, TarStreamOutput
from ci_builder.outputs.interface import Output
from ci_builder.outputs.push import PushOutput
from ci_builder.outputs.store import StoreOutput
from ci_builder.registry.client import Registry
from ci_builder.request import OutputSpec, Request

TYPES = ("image", "registry", "oci", "docker", "local", "tar")


def choose_outputs(request: Request, registry: Registry, store: Path, stdout: BinaryIO) -> list[Output]:
    """The outputs that ``request`` asks for; the embedded store when it asks for none.

    Raises UsageError for an unknown type or attribute, Unsupported for one that is known elsewhere.
    """
    outputs = [_one(spec, registry, store, stdout) for spec in request.outputs]
    wants_push = request.push and not any(isinstance(item, PushOutput) for item in outputs)
    if wants_push:
        stored = [number for number, item in enumerate(outputs) if isinstance(item, StoreOutput)]
        if stored:
            outputs[stored[0]] = PushOutput(registry)
        else:
            outputs.append(PushOutput(registry))
    return outputs or [StoreOutput(store)]


def extra_names(request: Request) -> tuple[str, ...]:
    """Names given as ``name=`` attributes of outputs (several are separated by commas)."""
    found: list[str] = []
    for spec in request.outputs:
        value = dict(spec.attributes).get("name", "")
        found += [name.strip() for name in value.split(",") if name.strip()]
    return tuple(found)


def _one(spec: OutputSpec, registry: Registry, store: Path, stdout: BinaryIO) -> Output:
    if spec.type not in TYPES:
        raise UsageError(f"unknown output type {spec.type!r}", hint=f"there are: {', '.join(TYPES)}")
    attributes = dict(spec.attributes)
    attributes.pop("name", None)
    if spec.type in ("image", "registry"):
        return _image(spec, attributes, registry, store)
    if spec.type == "oci" and attributes.pop("tar", "true").lower() == "false":
        _no_more(spec, attributes)
        return LayoutOutput(_path(spec))
    _no_more(spec, attributes)
    if spec.type == "local":
        return FolderOutput(_path(spec))
    if spec.dest in ("", "-"):
        return _streamed(spec, stdout)
    if spec.type == "tar":
        return TarOutput(Path(spec.dest))
    return ArchiveOutput(Path(spec.dest), docker=spec.type == "docker")


def _image(spec: OutputSpec, attributes: dict[str, str], registry: Registry, store: Path) -> Output:
    push = attributes.pop("push", "true" if spec.type == "registry" else "false").lower()
    _no_more(spec, attributes)
    if spec.dest:
        raise UsageError(f"--output type={spec.type} has no dest")
    if push not in ("true", "false"):
        raise UsageError(f"--output type={spec.type}: push is true or false, not {push!r}")
    return PushOutput(registry) if push == "true" else StoreOutput(store)


def _streamed(spec: OutputSpec, stdout: BinaryIO) -> Output:
    if not spec.dest and spec.type == "docker":
        raise Unsupported(
            "--output type=docker without dest loads into a docker daemon, and there is none",
            hint="write type=docker,dest=image.tar, then: docker load < image.tar",
        )
    if stdout.isatty():
        raise UsageError(
            f"--output type={spec.type}: refusing to write a tar to a terminal", hint="give dest="
        )
    if spec.type == "tar":
        return TarStreamOutput(stdout)
    return ArchiveStreamOutput(stdout, docker=spec.type == "docker")


def _path(spec: OutputSpec) -> Path:
    if spec.dest in ("", "-"):
        raise UsageError(f"--output type={spec.type} needs dest=FOLDER")
    return Path(spec.dest)


def _no_more(spec: OutputSpec, attributes: dict[str, str]) -> None:
    if attributes:
        names = ", ".join(sorted(attributes))
        raise Unsupported(f"--output type={spec.type}: {names}: not supported in this version")
