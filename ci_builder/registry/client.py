"""The registries of one build: images pulled and pushed, every blob moved once."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

from ci_builder.errors import RegistryError
from ci_builder.oci.descriptor import Descriptor
from ci_builder.oci.image import Image
from ci_builder.oci.layer import Layer
from ci_builder.oci.platform import Platform
from ci_builder.oci.reference import Reference
from ci_builder.progress import Progress
from ci_builder.registry.answers import discard
from ci_builder.registry.authorizer import Authorizer, Subject
from ci_builder.registry.blobs import Blobs
from ci_builder.registry.connections import Connections
from ci_builder.registry.credentials import Credentials
from ci_builder.registry.pull import Puller
from ci_builder.registry.push import Pusher
from ci_builder.registry.retry import Retry
from ci_builder.registry.transport import Call, Transport
from ci_builder.registry.upkeep import Upkeep
from ci_builder.registry.upload import CHUNK
from ci_builder.request import RETRIES, RegistryOptions
from ci_builder.values import replace

_MIRROR_RETRIES = 1
# A cache is worth less than what waits for it: seconds that a registry may ask to wait, and take
# for a manifest.
_BRIEF_RETRIES = 2
_BRIEF_WAIT = 5.0
_BRIEF_WHOLE = 60.0


class Registry:
    """All registries, for one build. ``blobs`` is the folder where pulled blobs are kept, verified, as
    ``ALGORITHM/HEX``; ``environment`` gives proxies and bundles of certificates. Thread-safe.

    ``chunk`` is the number of bytes that one request uploads at most.
    A context manager: at its end every transfer stops. Raises UsageError for a bundle that is broken.
    """

    def __init__(  # noqa: PLR0913 (what a build is given)
        self,
        credentials: Credentials,
        options: RegistryOptions,
        environment: Mapping[str, str],
        progress: Progress,
        blobs: Path,
        *,
        retry: Retry | None = None,
        chunk: int = CHUNK,
    ) -> None:
        self._stopping = threading.Event()
        self._connections = Connections(options, environment)
        self._blobs = Blobs(blobs, progress)
        policy = retry or Retry(RETRIES if options.retries is None else options.retries, sleep=self._sleep)
        brief = replace(
            policy,
            retries=min(policy.retries, _BRIEF_RETRIES),
            after_silence=False,
            longest=_BRIEF_WAIT,
            whole=_BRIEF_WHOLE,
        )
        impatient = replace(brief, retries=min(policy.retries, _MIRROR_RETRIES))
        authorizer = Authorizer(credentials, self._connections)
        self._transport = Transport(self._connections, authorizer, policy, progress)
        mirrors = Transport(self._connections, authorizer, impatient, progress)
        self._puller = Puller(self._transport, mirrors, options.mirrors, self._blobs, progress)
        self._impatient = replace(self._puller, transport=mirrors)
        hurried = Transport(self._connections, authorizer, brief, progress)
        self._pusher = Pusher(self._transport, hurried, progress, self._stopping, chunk)
        self._upkeep = Upkeep(self._transport)

    def settle(self) -> None:
        """Make ready whatever may be needed: from here on no file of the system is read and no module
        imported. For a build in place, which replaces them. Raises UsageError for a bundle that is broken."""
        self._connections.settle()

    def image(self, reference: Reference, platform: Platform | None, *, patient: bool = True) -> Image:
        """The image that ``reference`` names, for ``platform`` out of an index (None: an index is an error,
        and any platform is right); its layers are pulled when they are opened. ``patient``: a registry that
        fails is asked again as often as the options say, else once.

        Raises ImageNotFound, RegistryError, ImageError, DigestMismatch.
        """
        return (self._puller if patient else self._impatient).image(reference, platform)

    def resolve(self, reference: Reference) -> Descriptor:
        """What the tag or digest names now. Raises ImageNotFound, RegistryError, ImageError."""
        return self._puller.resolve(reference)

    def manifest(self, reference: Reference) -> bytes:
        """What the tag or digest names now, as it is stored: a manifest or an index. Raises ImageNotFound,
        RegistryError, ImageError."""
        return self._impatient.manifest(reference)

    def push_layer(self, layer: Layer, repository: Reference, *, patient: bool = True) -> None:
        """Put a layer into ``repository``; nothing to do when it is there, and once however many ask.
        ``patient``: a registry that fails is asked again as often as the options say, else a few times, and
        not for long.

        Raises RegistryError, DigestMismatch and what ``layer.open()`` raises.
        """
        self._pusher.push_layer(layer, repository, patient=patient)

    def note_present(self, layers: Sequence[Layer], repository: Reference) -> None:
        """``repository`` is known to have ``layers``: a manifest there names them. They are not asked for
        again."""
        self._pusher.note_present(layers, repository)

    def has_layer(self, layer: Layer, repository: Reference) -> bool:
        """Whether ``repository`` has it now; one that does not answer in time is not asked again. Raises
        RegistryError."""
        return self._pusher.has_layer(layer, repository)

    def push(self, image: Image, references: Sequence[Reference], *, patient: bool = True) -> Descriptor:
        """Push ``image`` under every reference; no tag is written before all of its parts are everywhere.
        ``patient`` as with ``push_layer``.

        Returns the manifest's descriptor. Raises RegistryError, ImageError, DigestMismatch.
        """
        return self._pusher.push(image, references, patient=patient)

    def tags(self, repository: Reference) -> tuple[str, ...]:
        """The tags of ``repository``, sorted. Raises RegistryError, ImageError."""
        return self._upkeep.tags(repository)

    def delete(self, reference: Reference) -> None:
        """Delete the manifest with the digest in ``reference``, and so every tag of it. Raises RegistryError;
        ``upkeep.is_refusal`` tells those of a registry that deletes nothing."""
        self._upkeep.delete(reference)

    def check_push(self, reference: Reference) -> None:
        """Find out whether pushing to ``reference`` is permitted: an upload is begun and given up.

        Raises AuthenticationFailed, RegistryError.
        """
        self._pusher.check_push(reference)

    def check_login(self, registry: str) -> None:
        """Find out whether the credentials for ``registry`` (``host[/path]``) are right, as ``docker
        login`` does.

        Raises AuthenticationFailed, RegistryError.
        """
        host, _, path = registry.partition("/")
        call = Call(f"cannot log in at {registry}", "GET", Subject(host, path), "/v2/", frozenset({200}))
        discard(self._transport.send(call))

    def close(self) -> None:
        """Stop every transfer and close the connections."""
        self._stopping.set()
        self._blobs.close()
        self._connections.close()

    def __enter__(self) -> Registry:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _sleep(self, seconds: float) -> None:
        if self._stopping.wait(seconds):
            raise RegistryError("the transfer was stopped")
