"""One blob on its way to a repository (distribution spec 1.1, "Pushing blobs").

A HEAD, but for repositories that have nothing, then a mount from a repository of the same registry, then
an upload: small blobs in one PUT, others streamed by PATCH, in chunks when they are large, going on at the
offset that the registry names after a failure; a registry that refuses PATCH gets the blob in one PUT.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import BinaryIO, Literal
from urllib.parse import quote

from ci_builder.errors import AuthenticationFailed, CiBuilderError, DigestMismatch, OutputError, RegistryError
from ci_builder.oci.layer import Layer
from ci_builder.patterns import pattern
from ci_builder.registry.answers import Answer, discard
from ci_builder.registry.authorizer import Subject
from ci_builder.registry.transport import Call, Transport
from ci_builder.untrusted import number
from ci_builder.values import dataclass

Outcome = Literal["present", "mounted", "pushed"]

#: Bytes in one PATCH. What is smaller goes in one, as docker sends it, which every registry understands.
CHUNK = 64 << 20
_SMALL_CHUNK = 8 << 20
_PROGRESS = 1 << 20
#: Bytes that are sent in one PUT: a PATCH before it would only be one more request.
_AT_ONCE = 1 << 18
_RANGE = pattern(r"(?:bytes=)?0-(\d+)")
#: How a registry says that it does not do chunks or PATCH at all.
_NO_PATCH = frozenset({400, 404, 405, 411, 415, 416, 501})
_OCTETS = "application/octet-stream"


@dataclass(slots=True)
class _Session:
    location: str
    offset: int = 0


class Upload:
    """The upload of ``layer`` to ``subject.repository``. ``stopped`` is asked between blocks;
    ``chunk`` is the number of bytes in one PATCH."""

    def __init__(
        self,
        transport: Transport,
        subject: Subject,
        layer: Layer,
        stopped: Callable[[], bool],
        chunk: int = CHUNK,
    ) -> None:
        self._transport = transport
        self._subject = subject
        self._stored = _Stored(layer)
        self._stopped = stopped
        self._size = layer.descriptor.size
        self._digest = str(layer.descriptor.digest)
        self._uploads = f"/v2/{subject.repository}/blobs/uploads/"
        self._what = f"cannot push the blob {self._digest} to {subject.registry}/{subject.repository}"
        self._chunk = chunk
        self._monolithic = self._size <= min(_AT_ONCE, chunk)

    def run(self, mount_from: str = "", *, mounts_first: bool = False) -> Outcome:
        """Do it; ``mount_from`` is a repository of the same registry that has the blob, or empty.
        ``mounts_first``: without asking before whether it is here.

        Raises RegistryError, DigestMismatch when the layer is not what its descriptor says.
        """
        session = None
        if mount_from and mounts_first:
            session = self._mount(mount_from)
            if session is None:
                return "mounted"
        if self.present():
            if session is not None:
                give_up(self._transport, self._what, self._subject, session.location)
            return "present"
        if session is None:
            session = self._mount(mount_from) if mount_from else self._begin()
        if session is None:
            return "mounted"
        with contextlib.closing(self._stored):
            self._send(session)
        return "pushed"

    def present(self) -> bool:
        """Whether the repository has the blob."""
        subject = self._subject
        what = f"cannot look for the blob {self._digest} in {subject.registry}/{subject.repository}"
        path = f"/v2/{subject.repository}/blobs/{self._digest}"
        response = self._transport.send(Call(what, "HEAD", subject, path, frozenset({200, 404})))
        discard(response)
        return response.status_code == 200

    def _mount(self, source: str) -> _Session | None:
        """None when the blob was mounted, else the upload that the registry began instead."""
        path = f"{self._uploads}?mount={quote(self._digest, safe=':')}&from={quote(source, safe='/')}"
        subject = Subject(
            self._subject.registry,
            self._subject.repository,
            (*self._subject.scopes, f"repository:{source}:pull"),
        )
        try:
            response = self._call("POST", path, {201, 202}, subject=subject, send=True)
        except AuthenticationFailed:
            # These credentials may push here but not read there.
            return self._begin()
        except RegistryError as error:
            if error.temporary:
                raise
            return self._begin()
        discard(response)
        return None if response.status_code == 201 else self._session(response)

    def _begin(self) -> _Session:
        response = self._call("POST", self._uploads, {202}, send=True)
        discard(response)
        return self._session(response)

    def _send(self, first: _Session) -> None:
        session: _Session | None = first
        attempt = 0
        while True:
            before = session.offset if session else 0
            try:
                session = session or self._begin()
                self._send_rest(session)
                return
            except RegistryError as error:
                if session is not None and self._yield_to(error, session):
                    session = None
                    continue
                if session is not None and session.offset - before >= _PROGRESS:
                    attempt = 0
                self._transport.wait(error, attempt, self._transport.retry)
                attempt += 1
                if error.status != 404 and session is not None:
                    session = self._resumed(session)
                    if session is None and self.present():
                        return  # the last PUT did arrive, only its answer did not
                else:
                    session = None

    def _send_rest(self, session: _Session) -> None:
        if self._monolithic:
            self._finish(session, whole=True)
            return
        while session.offset < self._size:
            length = min(self._chunk, self._size - session.offset)
            self._patch(session, length)
        self._finish(session, whole=False)

    def _patch(self, session: _Session, length: int) -> None:
        headers = {"Content-Type": _OCTETS}
        if length < self._size:
            headers["Content-Range"] = f"{session.offset}-{session.offset + length - 1}"
        start = session.offset
        response = self._call(
            "PATCH",
            session.location,
            {201, 202, 204},
            headers=headers,
            body=lambda: self._section(start, length),
        )
        discard(response)
        session.location = self._location(response, session.location)
        received = _received(response)
        session.offset = start + length if received is None else received
        if self._size == 1:
            session.offset = 1  # "0-0" says one byte as well as none
        if session.offset <= start:
            raise RegistryError(f"{self._what}: the registry kept nothing of a chunk", temporary=True)

    def _finish(self, session: _Session, *, whole: bool) -> None:
        separator = "&" if "?" in session.location else "?"
        response = self._call(
            "PUT",
            f"{session.location}{separator}digest={quote(self._digest, safe=':')}",
            {201, 204},
            headers={"Content-Type": _OCTETS},
            body=(lambda: self._section(0, self._size)) if whole else (lambda: b""),
        )
        discard(response)

    def _yield_to(self, error: RegistryError, session: _Session) -> bool:
        """Whether to begin anew in a way that the registry may like better."""
        if error.method != "PATCH" or self._monolithic:
            return False
        if error.status == 413 and self._chunk > _SMALL_CHUNK:
            self._chunk = _SMALL_CHUNK
            return True
        if error.status in _NO_PATCH:
            if self._size > self._chunk and session.offset > 0:
                self._chunk = self._size  # one stream, as docker sends it
            else:
                self._monolithic = True
            return True
        return False

    def _resumed(self, session: _Session) -> _Session | None:
        """The same upload with the registry's own offset, None when it is lost."""
        try:
            response = self._call("GET", session.location, {200, 204})
        except RegistryError:
            return None
        discard(response)
        received = _received(response)
        if received is None or received > self._size or self._monolithic:
            return None
        return _Session(self._location(response, session.location), received)

    def _session(self, response: Answer) -> _Session:
        location = self._location(response, "")
        if not location:
            raise RegistryError(f"{self._what}: the registry began an upload without a Location")
        minimum = number(response.headers.get("OCI-Chunk-Min-Length", ""))
        self._chunk = max(self._chunk, minimum or 0)
        return _Session(location)

    def _location(self, response: Answer, fallback: str) -> str:
        location = response.headers.get("Location", "")
        return self._transport.url(self._subject.registry, location, response.url) if location else fallback

    def _section(self, offset: int, length: int) -> Section:
        return Section(self._stored, offset, length, self._stopped)

    def _call(  # noqa: PLR0913 (private: a Call for this blob)
        self,
        method: str,
        path: str,
        expect: set[int],
        *,
        subject: Subject | None = None,
        headers: dict[str, str] | None = None,
        body: Callable[[], object] | None = None,
        send: bool = False,
    ) -> Answer:
        call = Call(
            self._what, method, subject or self._subject, path, frozenset(expect), headers or {}, body
        )
        return self._transport.send(call) if send else self._transport.once(call)


class _Stored:
    """The stored bytes of ``layer``. Sections are read one after another by one stream, as long as each
    begins where the last one ended: a stream that verifies has to see them all."""

    def __init__(self, layer: Layer) -> None:
        self.descriptor = layer.descriptor
        self._layer = layer
        self._stream: BinaryIO | None = None
        self._position = 0

    def read(self, offset: int, size: int) -> bytes:
        """At most ``size`` bytes from ``offset``. Raises OutputError, and what the layer's stream raises."""
        try:
            block = self._at(offset).read(size)
        except CiBuilderError:
            self.close()  # the next attempt opens the layer anew
            raise
        except OSError as error:
            self.close()
            # Or it would be taken for a connection that broke.
            raise OutputError(
                f"cannot read the layer {self.descriptor.digest}: {error.strerror or error}"
            ) from error
        self._position = offset + len(block)
        return block

    def close(self) -> None:
        """Until it is read again."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def _at(self, offset: int) -> BinaryIO:
        if self._stream is not None and self._position == offset:
            return self._stream
        self.close()
        self._stream = self._layer.open()
        _skip(self._stream, offset)
        return self._stream


class Section:
    """``length`` bytes of a layer from ``offset``, as a body that is streamed with a Content-Length."""

    def __init__(self, stored: _Stored, offset: int, length: int, stopped: Callable[[], bool]) -> None:
        self._stored = stored
        self._offset = offset
        self._length = length
        self._end = offset + length
        self._stopped = stopped

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[bytes]:
        while block := self.read(_PROGRESS):
            yield block

    def read(self, size: int = -1) -> bytes:
        """At most ``size`` bytes. Raises DigestMismatch when the layer ends too early, OutputError."""
        if self._stopped():
            raise RegistryError("the transfer was stopped")
        left = self._end - self._offset
        if left == 0:
            return b""
        block = self._stored.read(self._offset, left if size < 0 else min(size, left))
        if not block:
            blob = self._stored.descriptor
            raise DigestMismatch(f"layer {blob.digest}", f"{blob.size} bytes", f"{self._offset} bytes")
        self._offset += len(block)
        return block


def give_up(transport: Transport, what: str, subject: Subject, url: str) -> str:
    """Tell the registry that nothing will come of an upload that was begun. Returns why it stays; the
    registry purges it some day."""
    # docker-registry wants the action "delete" for this, which a token server may not grant.
    name = subject.repository
    scoped = Subject(subject.registry, name, (f"repository:{name}:pull,push,delete",))
    try:
        discard(transport.once(Call(what, "DELETE", scoped, url, frozenset({200, 202, 204, 404, 405}))))
    except RegistryError as error:
        return str(error)
    return ""


def _skip(stream: BinaryIO, offset: int) -> None:
    if stream.seekable():
        stream.seek(offset)
        return
    while offset > 0:
        block = stream.read(min(offset, _PROGRESS))
        if not block:
            return
        offset -= len(block)


def _received(response: Answer) -> int | None:
    """The number of bytes that the registry has by its Range header, None when it does not say."""
    found = _RANGE.fullmatch(response.headers.get("Range", "").strip())
    if not found:
        return None
    last = int(found.group(1))
    return last + 1 if last else 0
