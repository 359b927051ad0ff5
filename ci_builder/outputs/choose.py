"""From ``--output`` specifications to outputs: what each takes, and what it is given."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from ci_builder.errors import Unsupported, UsageError
from ci_builder.oci.platform import Platform
from ci_builder.oci.reference import Reference
from ci_builder.outputs.archive import ArchiveOutput, ArchiveStreamOutput, LayoutOutput
from ci_builder.outputs.attributes import Attributes
from ci_builder.outputs.files import FolderOutput, TarOutput, TarStreamOutput
from ci_builder.outputs.form import Form, take_form
from ci_builder.outputs.insecure import INSECURE, names_of
from ci_builder.outputs.interface import Output
from ci_builder.outputs.push import PushOutput
from ci_builder.outputs.store import StoreOutput
from ci_builder.outputs.types import TYPES, is_standard_output
from ci_builder.registry.client import Registry
from ci_builder.request import OutputSpec, Request
from ci_builder.values import dataclass, replace


@dataclass(frozen=True, slots=True)
class Places:
    """What outputs write to or by: the registries, the folder of the embedded store, standard output."""

    registry: Registry
    store: Path
    stdout: BinaryIO


@dataclass(frozen=True, slots=True)
class Wanted:
    """One output, and what it is to be given: the stage ``target`` (empty: the build's) under the names
    ``references``, as an image of this ``form``; None: as files."""

    output: Output
    references: tuple[Reference, ...]
    target: str = ""
    form: Form | None = None


def choose_outputs(request: Request, platform: Platform, places: Places) -> tuple[Wanted, ...]:
    """The outputs that ``request`` asks for; the embedded store when it asks for none.

    Raises UsageError for an unknown type or attribute, Unsupported for one that is known elsewhere,
    InvalidValue for a name.
    """
    specs = _with_push(request)
    wanted = tuple(_Choosing(spec, request, platform, places).wanted() for spec in specs)
    _check_standard_output(specs)
    _check_places(specs)
    _check_annotations(request, wanted)
    _check_names(wanted)
    return wanted


def _with_push(request: Request) -> tuple[OutputSpec, ...]:
    """The outputs, with ``--push`` written into them: it makes the first type=image one that pushes.
    Raises UsageError."""
    specs = request.outputs
    if request.push and not any(_pushes(spec) for spec in specs):
        push = ("push", "true")
        first = next((spec for spec in specs if spec.type == "image"), None)
        if first is None:
            return (*specs, OutputSpec("image", "", (push,)))
        if "push" in dict(first.attributes):
            raise UsageError(
                "--push contradicts --output type=image,push=false", hint="leave one of them out"
            )
        pushing = replace(first, attributes=(*first.attributes, push))
        return tuple(pushing if spec is first else spec for spec in specs)
    return specs or (OutputSpec("image"),)


def _pushes(spec: OutputSpec) -> bool:
    default = "true" if spec.type == "registry" else "false"
    return spec.type in ("image", "registry") and dict(spec.attributes).get("push", default).lower() in (
        "true",
        "1",
    )


class _Choosing:
    """Makes one output of its specification."""

    def __init__(self, spec: OutputSpec, request: Request, platform: Platform, places: Places) -> None:
        if spec.type not in TYPES:
            from difflib import get_close_matches  # here: for errors only

            close = get_close_matches(spec.type, TYPES, n=1)
            hint = f"did you mean {close[0]}?" if close else f"there are: {', '.join(TYPES)}"
            raise UsageError(f"unknown output type {spec.type!r}", hint=hint)
        self.spec = spec
        self.request = request
        self.platform = platform
        self.places = places
        self.attributes = Attributes(spec)

    def wanted(self) -> Wanted:
        """The output. Raises UsageError, Unsupported, InvalidValue."""
        target = self.attributes.text("target")
        if self.spec.type in ("local", "tar"):
            output = self._folder() if self.spec.type == "local" else self._tar()
            self.attributes.end()
            return Wanted(output, (), target)
        names = (*self.request.tags, *names_of(self.attributes))
        form = take_form(self.attributes, self.request.annotations, self.platform)
        image = self.spec.type in ("image", "registry")
        output = self._image(names) if image else self._archive()
        own = [key for key, _ in self.spec.attributes if key.startswith("annotation-manifest-descriptor")]
        if own and isinstance(output, PushOutput):
            raise _nowhere(own[0])
        self.attributes.end()
        references = tuple(dict.fromkeys(Reference.parse(name) for name in names))
        return Wanted(output, references, target, form)

    def _image(self, names: Sequence[str]) -> Output:
        push = self.attributes.flag("push", default=self.spec.type == "registry")
        by_digest = self.attributes.flag("push-by-digest", default=False)
        insecure = self.attributes.flag(INSECURE, default=False)
        if self.spec.dest:
            raise self.attributes.error("there is no dest", "use type=oci or type=docker for a file")
        for name, given in (("push-by-digest", by_digest), (INSECURE, insecure)):
            if given and not push:
                raise self.attributes.error(f"{name} is for what is pushed", "add push=true")
        for name in names if by_digest else ():
            if "@" in name or ":" in name.rpartition("/")[2]:
                raise self.attributes.error(f"push-by-digest pushes no tag, but there is {name}")
        return PushOutput(self.places.registry, by_digest) if push else StoreOutput(self.places.store)

    def _archive(self) -> Output:
        docker = self.spec.type == "docker"
        if not self.attributes.flag("tar", default=True):
            if docker:
                raise Unsupported(f"{self.attributes.name}: tar=false", hint="use type=oci,tar=false")
            return LayoutOutput(self._needed_folder())
        if self.spec.dest not in ("", "-"):
            return ArchiveOutput(Path(self.spec.dest), docker)
        if not self.spec.dest and docker:
            raise Unsupported(
                f"{self.attributes.name} without dest loads into a docker daemon, and there is none",
                hint="write type=docker,dest=image.tar, then: docker load < image.tar",
            )
        return ArchiveStreamOutput(self._stdout(), docker)

    def _folder(self) -> Output:
        mode = self.attributes.text("mode") or "copy"
        if mode not in ("copy", "delete"):
            raise self.attributes.error(f"there is no mode {mode!r}", "there are: copy, delete")
        folder = self._needed_folder()
        split = self.attributes.flag("platform-split", default=False)
        place = folder / str(self.platform).replace("/", "_") if split else folder
        return FolderOutput(place, delete=mode == "delete")

    def _tar(self) -> Output:
        if self.attributes.flag("platform-split", default=False):
            raise Unsupported(f"{self.attributes.name}: platform-split=true", hint="use type=local")
        dest = self.spec.dest
        return TarOutput(Path(dest)) if dest not in ("", "-") else TarStreamOutput(self._stdout())

    def _stdout(self) -> BinaryIO:
        if self.places.stdout.isatty():
            raise self.attributes.error("refusing to write a tar to a terminal", "give dest=")
        return self.places.stdout

    def _needed_folder(self) -> Path:
        if self.spec.dest in ("", "-"):
            raise UsageError(f"{self.attributes.name} needs dest=FOLDER")
        return Path(self.spec.dest)


def _check_standard_output(specs: Sequence[OutputSpec]) -> None:
    if sum(is_standard_output(spec) for spec in specs) > 1:
        raise UsageError("two outputs cannot both be standard output", hint="give one of them dest=FILE")


def _check_places(specs: Sequence[OutputSpec]) -> None:
    """Raise UsageError where one output would be written over another. Several may go into one folder."""
    found: dict[Path, str] = {}
    for spec in specs:
        if spec.dest in ("", "-"):
            continue
        whole = dict(spec.attributes).get("tar", "").lower() not in ("false", "0")
        kind = "local" if spec.type == "local" else "file" if whole else "layout"
        place = Path(os.path.realpath(spec.dest))
        if place in found and (kind == "file" or found[place] != kind):
            raise UsageError(
                f"two outputs cannot both be written to {spec.dest}", hint="give each a dest of its own"
            )
        found[place] = kind


def _check_annotations(request: Request, wanted: Sequence[Wanted]) -> None:
    """Raise Unsupported where an annotation would be kept by nobody."""
    images = [item for item in wanted if item.form is not None]
    if request.annotations and not images:
        raise UsageError("annotations are for images, and no output writes one")
    asked = [item for item in request.annotations if item.level == "manifest-descriptor"]
    if asked and all(isinstance(item.output, PushOutput) for item in images):
        raise _nowhere(asked[0].key)


def _nowhere(key: str) -> Unsupported:
    return Unsupported(
        f"the annotation {key} of the manifest-descriptor is kept in an index, and nothing pushes one",
        hint="annotate the manifest, or write type=oci",
    )


def _check_names(wanted: Sequence[Wanted]) -> None:
    """Raise UsageError where one name would be pushed as two images."""
    found: dict[Reference, Wanted] = {}
    for item in wanted:
        if not isinstance(item.output, PushOutput) or item.output.by_digest:
            continue
        for reference in item.references:
            other = found.setdefault(reference, item)
            if (other.form, other.target) != (item.form, item.target):
                raise UsageError(
                    f"two outputs push different images as {reference}",
                    hint="give each its name= and leave --tag out",
                )
