"""Where the bytes of one blob come from: the mirrors, then the registry, each from any offset."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ci_builder.errors import DigestMismatch, RegistryError
from ci_builder.oci.descriptor import Descriptor
from ci_builder.patterns import pattern
from ci_builder.registry.answers import Answer, connection_errors, public_url, unreachable
from ci_builder.registry.authorizer import Subject
from ci_builder.registry.transport import Call, Transport
from ci_builder.untrusted import number
from ci_builder.values import dataclass

_BLOCK = 1 << 18
_CONTENT_RANGE = pattern(r"bytes (\d+)-\d+/(?:\d+|\*)")


@dataclass(frozen=True, slots=True)
class BlobSource:
    """A blob in a repository of a registry; ``subject`` holds the scope to pull it."""

    transport: Transport
    subject: Subject
    descriptor: Descriptor

    def blocks(self, offset: int, stopped: Callable[[], bool]) -> Iterator[bytes]:
        """The blob's bytes from ``offset`` to its end, never more than the descriptor says.

        Raises RegistryError when the connection breaks (temporary: go on from where it broke), and
        DigestMismatch when the registry has more bytes than it should.
        """
        call = Call(
            f"cannot pull the blob {self.descriptor.digest} of {self.name}",
            "GET",
            self.subject,
            f"/v2/{self.subject.repository}/blobs/{self.descriptor.digest}",
            frozenset({200, 206} if offset else {200}),
            {"Range": f"bytes={offset}-"} if offset else {},
            verified=True,
        )
        with self.transport.once(call) as response:
            skip = self._skip(response, offset)
            self._check_length(response, offset - skip)
            left = self.descriptor.size - offset + skip
            try:
                while not stopped():
                    block = response.raw.read(min(_BLOCK, left + 1), decode_content=False)
                    if not block:
                        break
                    left -= len(block)
                    if left < 0:
                        raise self._too_long(self.descriptor.size - left)
                    yield block[skip:]
                    skip = max(0, skip - len(block))
            except connection_errors() as error:
                raise unreachable(self.subject.registry, "GET", response.url, error) from error
            if left > 0 and not stopped():
                raise self._ended(response, left)

    @property
    def name(self) -> str:
        """``registry/repository``."""
        return f"{self.subject.registry}/{self.subject.repository}"

    def _skip(self, response: Answer, offset: int) -> int:
        """How many bytes come before ``offset``: a registry may ignore Range."""
        if response.status_code == 200:
            return offset
        found = _CONTENT_RANGE.match(response.headers.get("Content-Range", ""))
        if found and int(found.group(1)) == offset:
            return 0
        raise RegistryError(
            f"{self.subject.registry} answered another range than it was asked for",
            method="GET",
            url=public_url(response.url),
            status=206,
        )

    def _check_length(self, response: Answer, start: int) -> None:
        length = number(response.headers.get("Content-Length", ""))
        if length is not None and start + length > self.descriptor.size:
            raise self._too_long(start + length)

    def _too_long(self, size: int) -> DigestMismatch:
        return DigestMismatch(
            f"blob {self.descriptor.digest} of {self.name}",
            f"{self.descriptor.size} bytes",
            f"at least {size} bytes",
        )

    def _ended(self, response: Answer, left: int) -> RegistryError:
        return RegistryError(
            f"the blob {self.descriptor.digest} of {self.name} ended {left} bytes too early",
            method="GET",
            url=public_url(response.url),
            code="TRUNCATED",
            temporary=True,
        )
