"""Images into registries: every part once, the tags last (distribution spec 1.1, "Pushing manifests")."""

from __future__ import annotations

import io
import threading
from collections.abc import Sequence
from concurrent.futures import Future, wait
from functools import partial

from ci_builder.errors import DigestMismatch, RegistryError
from ci_builder.oci.descriptor import Descriptor
from ci_builder.oci.digest import Digest
from ci_builder.oci.image import Image, Manifest
from ci_builder.oci.layer import Layer
from ci_builder.oci.reference import Reference
from ci_builder.progress import Notice, Progress, Transferred
from ci_builder.registry.answers import Answer, discard
from ci_builder.registry.authorizer import Subject
from ci_builder.registry.parallel import run_at_once
from ci_builder.registry.transport import Call, Transport
from ci_builder.registry.upload import CHUNK, Upload, give_up

_AT_ONCE = 4
_DIGEST_INVALID = "DIGEST_INVALID"


class Pusher:
    """Pushes. Remembers what it has put where, for mounting it elsewhere. ``brief`` is the transport of what
    nobody waits long for. Thread-safe."""

    def __init__(
        self,
        transport: Transport,
        brief: Transport,
        progress: Progress,
        stopping: threading.Event,
        chunk: int = CHUNK,
    ) -> None:
        self._chunk = chunk
        self._transport = transport
        self._brief = brief
        self._progress = progress
        self._stopping = stopping
        self._lock = threading.Lock()
        self._uploads: dict[tuple[str, Digest], Future[None]] = {}
        self._last: dict[tuple[str, Digest], Future[None]] = {}
        self._homes: dict[tuple[str, Digest], str] = {}
        self._unsharing: set[str] = set()  # registries that would not mount
        self._lacking: dict[str, bool] = {}  # repositories: whether what was asked for was never there

    def push_layer(self, layer: Layer, repository: Reference, *, patient: bool = True) -> None:
        """As ``Registry.push_layer``."""
        key = (repository.name, layer.descriptor.digest)
        anywhere = (repository.registry, layer.descriptor.digest)
        with self._lock:
            running = self._uploads.get(key)
            future: Future[None] = running or Future()
            self._uploads[key] = future
            before = self._last.get(anywhere)
            if running is None:
                self._last[anywhere] = future
        if running is not None:
            self._join(running, layer, repository, patient)
            return
        if before is not None:
            # It is on its way to another repository of this registry, and is mounted from there then.
            wait([before])
        try:
            self._upload(layer, repository, self._of(patient))
        except BaseException as error:
            with self._lock:
                del self._uploads[key]
            future.set_exception(error)
            raise
        future.set_result(None)

    def _join(self, running: Future[None], layer: Layer, repository: Reference, patient: bool) -> None:
        """Wait for somebody's push of the same; who may have given up sooner than this one does."""
        error = running.exception()
        if error is None:
            return
        if not (patient and isinstance(error, RegistryError)):
            raise error
        self.push_layer(layer, repository)

    def _of(self, patient: bool) -> Transport:
        return self._transport if patient else self._brief

    def note_present(self, layers: Sequence[Layer], repository: Reference) -> None:
        """As ``Registry.note_present``."""
        done: Future[None] = Future()
        done.set_result(None)
        with self._lock:
            for layer in layers:
                digest = layer.descriptor.digest
                self._uploads.setdefault((repository.name, digest), done)
                self._homes.setdefault((repository.registry, digest), repository.repository)

    def has_layer(self, layer: Layer, repository: Reference) -> bool:
        """As ``Registry.has_layer``."""
        subject = _pulling(repository)
        return Upload(self._brief, subject, layer, self._stopping.is_set, self._chunk).present()

    def push(self, image: Image, references: Sequence[Reference], *, patient: bool = True) -> Descriptor:
        """As ``Registry.push``."""
        transport = self._of(patient)
        manifest = image.descriptor()
        for reference in references:
            if reference.digest is not None and reference.digest != manifest.digest:
                raise DigestMismatch(f"push to {reference}", str(reference.digest), str(manifest.digest))
        config = _config_layer(image, manifest)
        # One repository after the other, so that the later ones of a registry mount what the first has.
        for target in {reference.name: reference for reference in references}.values():
            if image.layers and _has_manifest(transport, manifest, target):
                # And so it has all parts: a registry takes no manifest before them.
                parts = [*image.layers, config]
                self.note_present(parts, target)
                self._wait_for(parts, target)
                for part in parts:
                    self._progress(Transferred(str(part.descriptor.digest), "present", part.descriptor.size))
                continue
            push = partial(self.push_layer, patient=patient)
            run_at_once([partial(push, layer, target) for layer in image.layers], _AT_ONCE)
            push(config, target)
        for reference in references:
            _put_manifest(transport, image, manifest, reference)
        return manifest

    def _wait_for(self, layers: Sequence[Layer], repository: Reference) -> None:
        """Until none of them is on its way any more, as some may be that were pushed ahead."""
        with self._lock:
            known = [self._uploads.get((repository.name, layer.descriptor.digest)) for layer in layers]
        wait([future for future in known if future is not None])

    def check_push(self, reference: Reference) -> None:
        """As ``Registry.check_push``."""
        subject = _pushing(reference)
        what = f"cannot push to {reference.name}"
        path = f"/v2/{reference.repository}/blobs/uploads/"
        response = self._transport.send(Call(what, "POST", subject, path, frozenset({202})))
        discard(response)
        location = response.headers.get("Location", "")
        if location:
            url = self._transport.url(reference.registry, location, response.url)
            reason = give_up(self._transport, what, subject, url)
            if reason:
                self._progress(Notice("debug", f"the upload that was begun to try it stays: {reason}"))

    def _upload(self, layer: Layer, repository: Reference, transport: Transport) -> None:
        digest = layer.descriptor.digest
        home, _, origin = layer.origin.partition("/")
        if home != repository.registry:
            origin = ""
        with self._lock:
            origin = origin or self._homes.get((repository.registry, digest), "")
        if origin == repository.repository:
            origin = ""
        upload = Upload(transport, _pushing(repository), layer, self._stopping.is_set, self._chunk)
        outcome = upload.run(origin, mounts_first=self._mounts_first(repository))
        with self._lock:
            self._lacking[repository.name] = outcome != "present" and self._lacking.get(repository.name, True)
            if origin and outcome == "pushed":
                self._unsharing.add(repository.registry)
            self._homes.setdefault((repository.registry, digest), repository.repository)
        self._progress(Transferred(str(digest), outcome, layer.descriptor.size))

    def _mounts_first(self, repository: Reference) -> bool:
        """Whether to mount without asking before: in a repository that seems to be new. Where a blob is there
        already, docker-registry writes its link anew, and somebody's manifest that names it is refused in
        that moment."""
        with self._lock:
            return self._lacking.get(repository.name, False) and repository.registry not in self._unsharing


def _has_manifest(transport: Transport, manifest: Descriptor, repository: Reference) -> bool:
    what = f"cannot ask {repository.name} for the manifest {manifest.digest}"
    path = f"/v2/{repository.repository}/manifests/{manifest.digest}"
    headers = {"Accept": manifest.media_type}
    call = Call(what, "HEAD", _pushing(repository), path, frozenset({200, 404}), headers)
    try:
        response = transport.send(call)
    except RegistryError as error:
        if error.temporary:
            raise
        return False  # whoever may only push has to push it all
    discard(response)
    return response.status_code == 200


def _put_manifest(transport: Transport, image: Image, manifest: Descriptor, reference: Reference) -> None:
    data = image.manifest_bytes()
    call = Call(
        f"cannot push the manifest of {reference}",
        "PUT",
        _pushing(reference),
        f"/v2/{reference.repository}/manifests/{reference.tag or manifest.digest}",
        frozenset({200, 201, 202}),
        {"Content-Type": manifest.media_type},
        lambda: data,
    )
    response = _sent(transport, call) if reference.tag else transport.send(call)
    discard(response)
    stored = response.headers.get("Docker-Content-Digest", "")
    if stored and stored != str(manifest.digest):
        raise DigestMismatch(f"{reference} as the registry stored it", str(manifest.digest), stored)


def _sent(transport: Transport, call: Call) -> Answer:
    """The answer to a manifest that is put under a tag. docker-registry calls its digest invalid, which
    nobody has named, at the moment in which another push writes the link of one of its blobs anew."""
    attempt = 0
    while True:
        try:
            return transport.send(call)
        except RegistryError as error:
            if error.code != _DIGEST_INVALID:
                raise
            error.temporary = True
            transport.wait(error, attempt, transport.retry)
        attempt += 1


def _config_layer(image: Image, manifest: Descriptor) -> Layer:
    """The config as a blob to upload; a pulled manifest names it by a descriptor of its own."""
    described = Manifest.parse(image.manifest_bytes(), manifest.media_type).config
    data = image.config_bytes()
    return Layer(described, described.digest, lambda: io.BytesIO(data))


def _pushing(reference: Reference) -> Subject:
    name = reference.repository
    return Subject(reference.registry, name, (f"repository:{name}:pull,push",))


def _pulling(reference: Reference) -> Subject:
    name = reference.repository
    return Subject(reference.registry, name, (f"repository:{name}:pull",))
