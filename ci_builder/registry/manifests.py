"""Manifests, indexes and configs of a repository: fetched small, checked and parsed."""

from __future__ import annotations

import hashlib
import time

from ci_builder.errors import DigestMismatch, ImageError, ImageNotFound, InvalidValue, RegistryError
from ci_builder.oci import media_types
from ci_builder.oci.descriptor import Descriptor
from ci_builder.oci.digest import Digest
from ci_builder.oci.image import json_object
from ci_builder.oci.reference import Reference
from ci_builder.registry.answers import Answer, connection_errors, discard, unreachable
from ci_builder.registry.authorizer import Subject
from ci_builder.registry.transport import Call, Transport
from ci_builder.untrusted import number
from ci_builder.values import dataclass

#: Bytes that a manifest or an index, and a config, may have: more is an attack (distribution spec: 4 MiB).
MANIFEST_LIMIT = 8 << 20
CONFIG_LIMIT = 32 << 20
_BLOCK = 1 << 16
_LONGEST = 120  # seconds that one of them may take
_SCHEMA_1 = "application/vnd.docker.distribution.manifest.v1"
_ACCEPT = ", ".join((*media_types.MANIFESTS, *media_types.INDEXES))
_SUPPORTED = frozenset((*media_types.MANIFESTS, *media_types.INDEXES))


@dataclass(frozen=True, slots=True)
class Repository:
    """Read access to one repository. ``subject`` holds the scope to pull; ``retry`` is the transport's."""

    transport: Transport
    subject: Subject

    @property
    def name(self) -> str:
        """``registry/repository``."""
        return f"{self.subject.registry}/{self.subject.repository}"

    def manifest(self, reference: Reference) -> tuple[Descriptor, bytes]:
        """The manifest or index of a tag or digest, verified.

        Raises ImageNotFound, RegistryError, ImageError (schema 1 …), DigestMismatch.
        """
        what = f"manifest of {self.name}"
        try:
            response, data = self.fetch(self._call("GET", reference), what, MANIFEST_LIMIT)
        except RegistryError as error:
            raise self._explained(error, reference) from error
        media_type = _media_type(response, data, self.name)
        expected = reference.digest or _announced(response)
        _verify(data, expected, what)
        return Descriptor(media_type, expected or Digest.of(data), len(data)), data

    def resolve(self, reference: Reference) -> Descriptor:
        """The descriptor of what a tag or digest names now; by HEAD where the registry answers it fully."""
        try:
            response = self.transport.send(self._call("HEAD", reference))
        except RegistryError as error:
            if error.status not in (400, 405, 501):
                raise self._explained(error, reference) from error
            return self.manifest(reference)[0]
        discard(response)
        digest = _announced(response)
        media_type = response.headers.get("Content-Type", "").partition(";")[0].strip()
        size = number(response.headers.get("Content-Length", ""))
        if digest is None or media_type not in _SUPPORTED or size is None:
            return self.manifest(reference)[0]
        if reference.digest is not None and digest != reference.digest:
            raise DigestMismatch(f"manifest of {self.name}", str(reference.digest), str(digest))
        return Descriptor(media_type, digest, size)

    def config(self, descriptor: Descriptor) -> bytes:
        """A config blob, verified. Raises RegistryError, ImageError, DigestMismatch."""
        what = f"config {descriptor.digest} of {self.name}"
        if descriptor.size > CONFIG_LIMIT:
            raise ImageError(f"the {what} says that it has {descriptor.size} bytes: too many")
        call = Call(
            f"cannot pull the {what}",
            "GET",
            self.subject,
            f"/v2/{self.subject.repository}/blobs/{descriptor.digest}",
            frozenset({200}),
            verified=True,
        )
        data = self.fetch(call, what, descriptor.size)[1]
        _verify(data, descriptor.digest, what)
        return data

    def fetch(self, call: Call, what: str, limit: int) -> tuple[Answer, bytes]:
        """The answer to ``call`` and its whole body, of at most ``limit`` bytes; ``what`` it is called.

        Raises RegistryError, ImageError.
        """
        attempt = 0
        while True:
            try:
                response = self.transport.once(call)
                return response, self._read(response, what, limit)
            except RegistryError as error:
                self.transport.wait(error, attempt, self.transport.retry)
                attempt += 1

    def _call(self, method: str, reference: Reference) -> Call:
        wanted = str(reference.digest or reference.tag)
        return Call(
            f"cannot pull {reference.familiar}" if self._is(reference) else f"cannot pull from {self.name}",
            method,
            self.subject,
            f"/v2/{self.subject.repository}/manifests/{wanted}",
            frozenset({200}),
            {"Accept": _ACCEPT},
        )

    def _explained(self, error: RegistryError, reference: Reference) -> RegistryError:
        if error.status != 404:
            return error
        wanted = f"@{reference.digest}" if reference.digest else f":{reference.tag}"
        return ImageNotFound(
            f"there is no image {self.name}{wanted}",
            method=error.method,
            url=error.url,
            status=404,
            code=error.code,
            hint="check the name and the tag; a private repository looks the same without a login",
        )

    def _is(self, reference: Reference) -> bool:
        return reference.name == self.name

    def _read(self, response: Answer, what: str, limit: int) -> bytes:
        with response:
            length = number(response.headers.get("Content-Length", ""))
            if length is not None and length > limit:
                raise ImageError(f"the {what} has {length} bytes, more than the {limit} that are allowed")
            try:
                data = _whole(response, limit, time.monotonic() + min(_LONGEST, self.transport.retry.whole))
            except connection_errors() as error:
                raise unreachable(self.subject.registry, "GET", response.url, error) from error
        if len(data) > limit:
            raise ImageError(f"the {what} has more than the {limit} bytes that are allowed")
        return data


def _whole(response: Answer, limit: int, deadline: float) -> bytes:
    """The body, of ``limit`` bytes and one more at most. Raises TimeoutError where it is not there by the
    ``deadline`` (of time.monotonic): one that comes byte by byte is never silent."""
    data = bytearray()
    while len(data) <= limit:
        block = response.raw.read1(min(_BLOCK, limit + 1 - len(data)), decode_content=True)
        if not block:
            break
        data += block
        if time.monotonic() > deadline:
            raise TimeoutError("the whole answer takes too long")
    return bytes(data)


def _announced(response: Answer) -> Digest | None:
    text = response.headers.get("Docker-Content-Digest", "")
    try:
        return Digest.parse(text) if text else None
    except InvalidValue as error:
        raise ImageError(f"the registry names an impossible digest: {error}") from error


def _verify(data: bytes, expected: Digest | None, what: str) -> None:
    if expected is None:
        return
    actual = hashlib.new(expected.algorithm, data).hexdigest()
    if actual != expected.hex:
        raise DigestMismatch(what, str(expected), f"{expected.algorithm}:{actual}")


def _media_type(response: Answer, data: bytes, name: str) -> str:
    """The type by the header and by the document itself, which must not contradict each other
    (GHSA-mc8v-mgrf-8f4m: one digest must not mean two things)."""
    value = json_object(data, f"manifest of {name}")
    header = response.headers.get("Content-Type", "").partition(";")[0].strip()
    inner = value.get("mediaType")
    if header.startswith(_SCHEMA_1) or value.get("schemaVersion") == 1:
        raise ImageError(
            f"{name} holds an image in docker's old manifest schema 1, which is not supported",
            hint="push it again with any docker since 1.10",
        )
    if "manifests" in value and ("layers" in value or "config" in value):
        raise ImageError(f"the manifest of {name} is an index and an image at the same time")
    if header in _SUPPORTED:
        if inner is not None and inner != header:
            raise ImageError(f"the manifest of {name} is sent as {header}, but says {inner!r:.100}")
        return header
    if inner in _SUPPORTED:
        return str(inner)
    if inner is None and header in ("", "application/json", "text/plain"):
        return media_types.OCI_INDEX if "manifests" in value else media_types.OCI_MANIFEST
    raise ImageError(f"{name} holds {inner or header!r:.120}, which is no container image")
