"""A registry that breaks in every way that registries break, and a client that goes on or says so."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from email.utils import formatdate
from pathlib import Path
from time import sleep, time

import pytest

from ci_builder.errors import (
    AuthenticationFailed,
    DigestMismatch,
    ImageError,
    OutputError,
    RegistryError,
    RegistryUnreachable,
)
from ci_builder.oci import media_types
from ci_builder.oci.reference import Reference
from ci_builder.registry import manifests
from ci_builder.registry.authorizer import Authorizer, Subject
from ci_builder.registry.client import Registry
from ci_builder.registry.connections import Connections
from ci_builder.registry.credentials import load
from ci_builder.request import Login, RegistryOptions
from tests.registry.images import AMD64, Recorder, connect, login_of, make_image, make_layer, read_layers
from tests.servers.breaking_proxy import (
    BreakingProxy,
    Delay,
    Drip,
    Headers,
    IgnoreRange,
    LoseAnswer,
    Redirect,
    ResetUpload,
    Rewrite,
    Status,
    Truncate,
    serve_broken,
)
from tests.servers.registry import RunningRegistry, start_registry

IMAGE = make_image((3_000_000, 400_000))
LARGE = IMAGE.layers[0].descriptor
LARGE_PATH = f"/blobs/{LARGE.digest}"


@dataclass
class Scene:
    server: RunningRegistry
    proxy: BreakingProxy
    registry: Registry
    recorder: Recorder
    folder: Path

    @property
    def reference(self) -> Reference:
        return Reference.parse(f"{self.proxy.host}/app:1")

    def push_directly(self) -> None:
        """Put the image there without the proxy."""
        with connect(self.folder / "direct", login_of(self.server)) as direct:
            direct.push(IMAGE, [Reference.parse(f"{self.server.host}/app:1")])

    def is_there(self) -> bool:
        tags = self.server.storage / "docker/registry/v2/repositories/app/_manifests/tags/1"
        return tags.exists()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningRegistry]:
    with start_registry(tmp_path_factory.mktemp("registry")) as running:
        yield running


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    recorder = Recorder()
    with (
        start_registry(tmp_path) as running,
        serve_broken(running.host) as proxy,
        connect(tmp_path, recorder=recorder) as registry,
    ):
        yield Scene(running, proxy, registry, recorder, tmp_path)
        assert proxy.unused() == []


def _pulls(scene: Scene) -> None:
    pulled = scene.registry.image(scene.reference, AMD64)
    assert read_layers(pulled) == read_layers(IMAGE)
    assert not list((scene.folder / "blobs").rglob(".part-*"))


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_pull_again_after_a_status(scene: Scene, status: int) -> None:
    scene.push_directly()
    scene.proxy.breaks(Status(status), "GET", "/manifests/", 2)
    scene.proxy.breaks(Status(status), "GET", LARGE_PATH, 2)
    _pulls(scene)
    assert len(scene.recorder.slept) == 4
    assert f"HTTP {status}" in scene.recorder.notices()


@pytest.mark.parametrize("status", [429, 500, 503])
def test_push_again_after_a_status(scene: Scene, status: int) -> None:
    for method, path in (
        ("HEAD", "/blobs/"),
        ("POST", "/uploads/"),
        ("PATCH", "/uploads/"),
        ("PUT", "/uploads/"),
        ("PUT", "/manifests/"),
    ):
        scene.proxy.breaks(Status(status), method, path)
    scene.registry.push(IMAGE, [scene.reference])
    _pulls(scene)


def test_retry_after_in_seconds_and_as_a_date(scene: Scene) -> None:
    scene.push_directly()
    scene.proxy.breaks(Status(429, {"Retry-After": "7"}), "GET", "/manifests/")
    scene.proxy.breaks(
        Status(503, {"Retry-After": formatdate(time() + 40, usegmt=True)}), "GET", "/manifests/"
    )
    scene.registry.image(scene.reference, AMD64)
    first, second = scene.recorder.slept
    assert 7 <= first < 8
    assert 35 < second < 42


@pytest.mark.parametrize("times", [1, 3])
def test_a_cache_is_not_waited_for_as_an_image_is(scene: Scene, times: int) -> None:
    """Whoever needs the layer for an image does not give up with the cache that pushes it at the moment."""
    layer = IMAGE.layers[0]
    scene.proxy.breaks(Status(503, {"Retry-After": "30"}), "POST", "/uploads/", times)
    with pytest.raises(RegistryError):
        scene.registry.push_layer(layer, scene.reference, patient=False)
    assert scene.recorder.slept == []
    scene.registry.push_layer(layer, scene.reference)
    assert len(scene.recorder.slept) == times - 1


def test_who_waits_for_a_push_of_less_patience_goes_on(scene: Scene) -> None:
    layer, hurried = IMAGE.layers[0], []

    def hurry() -> None:
        with pytest.raises(RegistryError) as caught:
            scene.registry.push_layer(layer, scene.reference, patient=False)
        hurried.append(caught.value.status)

    scene.proxy.breaks(Delay(0.5), "HEAD", "/blobs/")
    scene.proxy.breaks(Status(503, {"Retry-After": "30"}), "POST", "/uploads/")
    thread = threading.Thread(target=hurry)
    thread.start()
    while not scene.proxy.count("HEAD"):
        sleep(0.01)
    scene.registry.push_layer(layer, scene.reference)
    thread.join()
    assert hurried == [503]
    assert scene.registry.has_layer(layer, scene.reference)


def test_a_manifest_that_comes_byte_by_byte(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.push_directly()
    monkeypatch.setattr(manifests, "_LONGEST", 0.5)
    scene.proxy.breaks(Drip(0.05), "GET", "/manifests/")
    with pytest.raises(RegistryError) as caught:
        scene.registry.image(scene.reference, AMD64, patient=False)
    assert caught.value.code == "TIMEOUT"


def test_a_retry_after_of_an_hour_is_not_waited_for(scene: Scene) -> None:
    scene.proxy.breaks(Status(429, {"Retry-After": "3600"}), "GET", "/manifests/")
    with pytest.raises(RegistryError) as caught:
        scene.registry.image(scene.reference, AMD64)
    assert "3600 seconds" in caught.value.hint
    assert caught.value.status == 429
    assert caught.value.temporary
    assert scene.recorder.slept == []


def test_giving_up(scene: Scene) -> None:
    scene.proxy.breaks(Status(500), "GET", "/manifests/", 6)
    with pytest.raises(RegistryError, match="HTTP 500 BROKEN") as caught:
        scene.registry.image(scene.reference, AMD64)
    assert caught.value.url == f"http://{scene.proxy.host}/v2/app/manifests/1"
    assert len(scene.recorder.slept) == 5
    assert scene.recorder.slept == sorted(scene.recorder.slept)


@pytest.mark.parametrize("status", [400, 403, 405, 418])
def test_a_final_status_is_final(scene: Scene, status: int) -> None:
    scene.proxy.breaks(Status(status), "GET", "/manifests/")
    with pytest.raises(RegistryError, match="as told"):
        scene.registry.image(scene.reference, AMD64)
    assert scene.recorder.slept == []


@pytest.mark.parametrize("reset", [True, False])
def test_a_download_goes_on_where_it_broke(scene: Scene, reset: bool) -> None:
    scene.push_directly()
    scene.proxy.breaks(Truncate(1_300_000, reset), "GET", LARGE_PATH, 2)
    _pulls(scene)
    ranges = [seen.headers.get("Range") for seen in scene.proxy.seen if LARGE_PATH in seen.path]
    assert ranges[0] is None
    assert len(ranges) == 3
    starts = [int(text.removeprefix("bytes=").removesuffix("-")) for text in ranges[1:] if text]
    assert 0 < starts[0] < starts[1] <= 2_600_000


@pytest.mark.parametrize("path", ["/manifests/", f"/blobs/{IMAGE.config_descriptor().digest}"])
def test_a_manifest_and_a_config_that_end_too_early(scene: Scene, path: str) -> None:
    scene.push_directly()
    scene.proxy.breaks(Truncate(50), "GET", path)
    _pulls(scene)
    assert len(scene.recorder.slept) == 1


def test_a_registry_without_ranges(scene: Scene) -> None:
    scene.push_directly()
    scene.proxy.breaks(Truncate(1_300_000), "GET", LARGE_PATH)
    scene.proxy.breaks(IgnoreRange(), "GET", LARGE_PATH)
    _pulls(scene)


def test_wrong_bytes(scene: Scene) -> None:
    scene.push_directly()
    scene.proxy.breaks(Rewrite(b"wrong", 1_000_000), "GET", LARGE_PATH)
    layer = scene.registry.image(scene.reference, AMD64).layers[0]
    read = 0
    with layer.open() as stream, pytest.raises(DigestMismatch) as caught:  # noqa: PT012
        while block := stream.read(100_000):
            read += len(block)
    assert read < LARGE.size, "the end was told before the blob was verified"
    assert str(LARGE.digest) in str(caught.value)
    assert not list((scene.folder / "blobs").rglob("*" + LARGE.digest.hex)), "wrong bytes were kept"
    with layer.open() as stream:
        assert stream.read() == read_layers(IMAGE)[0], "the next try is a new one"


def test_too_many_bytes(scene: Scene) -> None:
    scene.push_directly()
    scene.proxy.breaks(Rewrite(b"more", append=True), "GET", LARGE_PATH)
    layer = scene.registry.image(scene.reference, AMD64).layers[0]
    with layer.open() as stream, pytest.raises(DigestMismatch, match=f"{LARGE.size} bytes"):
        stream.read()


def test_wrong_manifest_and_config(scene: Scene) -> None:
    scene.push_directly()
    scene.proxy.breaks(Rewrite(b" ", append=True), "GET", "/manifests/")
    with pytest.raises(DigestMismatch, match="manifest"):
        scene.registry.image(scene.reference, AMD64)
    config = str(IMAGE.config_descriptor().digest)
    scene.proxy.breaks(Rewrite(b"X", 5), "GET", f"/blobs/{config}")
    with pytest.raises(DigestMismatch, match="config"):
        scene.registry.image(scene.reference, AMD64)
    scene.proxy.breaks(Rewrite(b"X", append=True), "GET", f"/blobs/{config}")
    with pytest.raises(ImageError, match="allowed"):
        scene.registry.image(scene.reference, AMD64)


def test_huge_manifest(scene: Scene) -> None:
    scene.push_directly()
    scene.proxy.breaks(Rewrite(b" " * (9 << 20), append=True), "GET", "/manifests/")
    with pytest.raises(ImageError, match="allowed"):
        scene.registry.image(scene.reference, AMD64)


def test_type_confusion(scene: Scene) -> None:
    scene.push_directly()
    scene.proxy.breaks(Headers({"Content-Type": media_types.OCI_INDEX}), "GET", "/manifests/")
    with pytest.raises(ImageError, match="is sent as"):
        scene.registry.image(scene.reference, AMD64)


def test_schema_1(scene: Scene) -> None:
    old = {"Content-Type": "application/vnd.docker.distribution.manifest.v1+prettyjws"}
    scene.proxy.breaks(Status(200, old, b'{"schemaVersion":1}'), "GET", "/manifests/")
    with pytest.raises(ImageError, match="schema 1"):
        scene.registry.image(scene.reference, AMD64)


def test_no_head_for_manifests(scene: Scene) -> None:
    scene.push_directly()
    scene.proxy.breaks(Status(405), "HEAD", "/manifests/")
    assert scene.registry.resolve(scene.reference).digest == IMAGE.descriptor().digest
    scene.proxy.breaks(Headers({"Docker-Content-Digest": ""}), "HEAD", "/manifests/")
    assert scene.registry.resolve(scene.reference).digest == IMAGE.descriptor().digest


def test_a_slow_registry(scene: Scene) -> None:
    scene.push_directly()
    scene.proxy.breaks(Delay(0.5), "GET", "/manifests/")
    _pulls(scene)
    assert scene.recorder.slept == []


@pytest.mark.parametrize("after", [0, 500_000])
def test_an_upload_that_is_reset(scene: Scene, after: int) -> None:
    scene.proxy.breaks(ResetUpload(after), "PATCH", times=2)
    scene.registry.push(IMAGE, [scene.reference])
    _pulls(scene)


def test_an_upload_goes_on_at_the_registrys_offset(scene: Scene) -> None:
    layer = IMAGE.layers[0]
    scene.proxy.breaks(Headers({}), "PATCH")  # the first chunk passes
    scene.proxy.breaks(ResetUpload(300_000), "PATCH")
    with connect(scene.folder, recorder=scene.recorder, chunk=1_000_000) as registry:
        registry.push_layer(layer, scene.reference)
    seen = scene.proxy.seen
    ranges = [item.headers["Content-Range"] for item in seen if item.method == "PATCH"]
    assert ranges == [
        "0-999999",
        "1000000-1999999",
        "1000000-1999999",
        "2000000-2999999",
        f"3000000-{layer.descriptor.size - 1}",
    ]
    assert sum(item.method == "POST" for item in seen) == 1
    assert scene.proxy.count("GET", "/uploads/") == 1, "the registry was not asked for its offset"


@pytest.mark.parametrize("method", ["POST", "PATCH", "PUT"])
def test_an_answer_that_is_lost(scene: Scene, method: str) -> None:
    scene.proxy.breaks(LoseAnswer(), method, "/uploads/")
    scene.registry.push(IMAGE, [scene.reference])
    _pulls(scene)


def test_an_upload_session_that_is_lost(scene: Scene) -> None:
    scene.proxy.breaks(Status(404), "PATCH")
    scene.proxy.breaks(ResetUpload(), "PATCH")
    scene.proxy.breaks(Status(404), "GET", "/uploads/")
    scene.registry.push(IMAGE, [scene.reference])
    _pulls(scene)


@pytest.mark.parametrize("status", [405, 415, 501])
def test_a_registry_without_patch(scene: Scene, status: int) -> None:
    scene.proxy.breaks(Status(status), "PATCH", times=2)
    scene.registry.push(IMAGE, [scene.reference])
    assert scene.proxy.count("PATCH") == 2
    _pulls(scene)


def test_a_front_end_that_limits_bodies(scene: Scene) -> None:
    layer = make_layer(9 << 20, 7)
    scene.proxy.breaks(Status(413), "PATCH")
    scene.registry.push_layer(layer, scene.reference)
    lengths = [int(seen.headers["Content-Length"]) for seen in scene.proxy.seen if seen.method == "PATCH"]
    assert lengths[0] == layer.descriptor.size
    assert lengths[1] == 8 << 20
    assert sum(lengths[1:]) == layer.descriptor.size


def test_nothing_under_the_tag_when_a_blob_fails(scene: Scene) -> None:
    scene.proxy.breaks(Status(500), "PATCH", times=6)
    broken = IMAGE.layers[1].descriptor.digest
    scene.registry.push_layer(IMAGE.layers[0], Reference.parse(f"{scene.server.host}/app"))
    with pytest.raises(RegistryError, match="cannot push the blob") as caught:
        scene.registry.push(IMAGE, [scene.reference])
    assert str(broken) in str(caught.value)
    assert not scene.is_there()
    assert scene.proxy.count("PUT", "/manifests/") == 0


@pytest.mark.parametrize("times", [2, 6])
def test_a_manifest_while_another_push_writes_a_link(scene: Scene, times: int) -> None:
    body = b'{"errors":[{"code":"DIGEST_INVALID","message":"provided digest did not match"}]}'
    scene.proxy.breaks(Status(400, body=body), "PUT", "/manifests/", times=times)
    if times == 2:
        scene.registry.push(IMAGE, [scene.reference])
        _pulls(scene)
        return
    with pytest.raises(RegistryError, match="provided digest"):
        scene.registry.push(IMAGE, [scene.reference])


def test_a_layer_that_is_not_what_it_says(scene: Scene) -> None:
    layer = make_layer(1000)
    longer = replace(layer, descriptor=replace(layer.descriptor, size=layer.descriptor.size + 1))
    with pytest.raises(DigestMismatch):
        scene.registry.push_layer(longer, scene.reference)
    other = replace(layer, descriptor=replace(layer.descriptor, digest=LARGE.digest))
    with pytest.raises(RegistryError, match=r"(?i)digest"):
        scene.registry.push_layer(other, scene.reference)


def test_a_layer_that_cannot_be_read(scene: Scene) -> None:
    layer = make_layer(1000)

    def missing() -> object:
        return open(scene.folder / "gone", "rb")

    with pytest.raises(OutputError, match="cannot read the layer"):
        scene.registry.push_layer(replace(layer, opener=missing), scene.reference)  # type: ignore[arg-type]


def test_the_same_layer_from_many_threads(scene: Scene) -> None:
    scene.proxy.breaks(Delay(0.2), "POST")
    threads = [
        threading.Thread(target=scene.registry.push_layer, args=(IMAGE.layers[0], scene.reference))
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert scene.proxy.count("PATCH") == 1
    assert scene.proxy.count("HEAD") == 1


def test_the_same_pull_from_many_threads(scene: Scene) -> None:
    scene.push_directly()
    layer = scene.registry.image(scene.reference, AMD64).layers[0]
    found: list[bytes] = []

    def read() -> None:
        with layer.open() as stream:
            found.append(stream.read())

    threads = [threading.Thread(target=read) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [read_layers(IMAGE)[0]] * 5
    assert scene.proxy.count("GET", LARGE_PATH) == 1


def test_a_reader_that_leaves_early(scene: Scene) -> None:
    scene.push_directly()
    layer = scene.registry.image(scene.reference, AMD64).layers[0]
    with layer.open() as stream:
        stream.read(10)
    with layer.open() as stream:
        assert len(stream.read()) == LARGE.size


def test_a_redirect_to_another_host_takes_no_password_along(tmp_path: Path) -> None:
    with (
        start_registry(tmp_path, "htpasswd") as server,
        start_registry(tmp_path) as storage,
        serve_broken(server.host) as proxy,
        serve_broken(storage.host) as elsewhere,
    ):
        login = Login(proxy.host, server.user, server.password)
        reference = Reference.parse(f"{proxy.host}/app")
        with connect(tmp_path) as plain:
            plain.push(IMAGE, [Reference.parse(f"{storage.host}/app")])
        with connect(tmp_path, [login]) as registry:
            registry.push(IMAGE, [reference])
            proxy.breaks(Redirect(f"http://{elsewhere.host}"), "GET", "/blobs/", 9)
            pulled = registry.image(reference, AMD64)
            assert read_layers(pulled) == read_layers(IMAGE)
        assert elsewhere.count("GET", "/blobs/") == 3
        assert all("Authorization" not in seen.headers for seen in elsewhere.seen)
        assert any("Authorization" in seen.headers for seen in proxy.seen)


def test_an_upload_is_not_redirected_to_another_host(scene: Scene) -> None:
    scene.proxy.breaks(Redirect(f"http://{scene.server.host}"), "PATCH")
    with pytest.raises(RegistryError, match="redirected to another host"):
        scene.registry.push_layer(IMAGE.layers[0], scene.reference)


def test_redirects_without_end(scene: Scene) -> None:
    scene.proxy.breaks(Redirect(f"http://{scene.proxy.host}"), "GET", "/manifests/", 6)
    with pytest.raises(RegistryError, match="redirects"):
        scene.registry.image(scene.reference, AMD64)


def test_a_realm_over_plain_http_gets_no_password(scene: Scene) -> None:
    # A registry that is reached over TLS only; the challenge is what a man in the middle would send.
    challenge = 'Bearer realm="http://tokens.example.com/token",service="x"'
    scene.proxy.breaks(Status(401, {"WWW-Authenticate": challenge}), "GET", "/v2/")
    connections = Connections(RegistryOptions(), {})
    answer = connections.exchange("GET", f"http://{scene.proxy.host}/v2/", {})
    login = Login("registry.example.com", "ci", "s3cret")
    authorizer = Authorizer(load({}, [login]), connections)
    with answer, pytest.raises(AuthenticationFailed, match="over plain HTTP"):
        authorizer.renew(Subject("registry.example.com"), answer, "")
    connections.close()


def test_mirrors_come_first_and_do_not_matter(tmp_path: Path, server: RunningRegistry) -> None:
    with start_registry(tmp_path) as mirror, serve_broken(mirror.host) as broken:
        reference = Reference.parse(f"{server.host}/app:1")
        with connect(tmp_path / "first") as direct:
            direct.push(IMAGE, [reference, Reference.parse(f"{mirror.host}/cache/app:1")])
        mirrors = ((server.host, "127.0.0.1:1"), (server.host, f"{broken.host}/cache"))
        recorder = Recorder()
        options = RegistryOptions(mirrors=mirrors)
        with connect(tmp_path / "second", options=options, recorder=recorder) as registry:
            before = len(server.requests())
            pulled = registry.image(reference, AMD64)
            assert read_layers(pulled) == read_layers(IMAGE)
            assert len(server.requests()) == before, "the registry was asked although a mirror had it"
            assert pulled.layers[0].origin == f"{server.host}/app"
        assert "127.0.0.1:1" in recorder.notices()
        broken.breaks(Status(500), "GET", "", 99)
        with connect(tmp_path / "third", options=options, recorder=recorder) as registry:
            assert read_layers(registry.image(reference, AMD64)) == read_layers(IMAGE)


def test_a_mirror_that_breaks_in_the_middle(tmp_path: Path, server: RunningRegistry) -> None:
    with serve_broken(server.host) as mirror:
        reference = Reference.parse(f"{server.host}/app:1")
        with connect(tmp_path / "first") as direct:
            direct.push(IMAGE, [reference])
        options = RegistryOptions(mirrors=((server.host, mirror.host),))
        with connect(tmp_path / "second", options=options, recorder=Recorder()) as registry:
            layer = registry.image(reference, AMD64).layers[0]
            mirror.breaks(Truncate(500_000), "GET", "/blobs/", 9)
            with layer.open() as stream:
                assert stream.read() == read_layers(IMAGE)[0]


def test_a_token_server_that_is_busy(tmp_path: Path) -> None:
    with start_registry(tmp_path, "token") as running:
        assert running.tokens is not None
        running.tokens.failures += [503, 429]
        recorder = Recorder()
        with connect(tmp_path, login_of(running), recorder=recorder) as registry:
            registry.push(IMAGE, [Reference.parse(f"{running.host}/app")])
        assert len(recorder.slept) == 2


def test_closing_stops_a_pull(scene: Scene) -> None:
    scene.push_directly()
    layer = scene.registry.image(scene.reference, AMD64).layers[0]
    scene.proxy.breaks(Delay(2), "GET", LARGE_PATH)
    with layer.open() as stream:
        threading.Timer(0.2, scene.registry.close).start()
        with pytest.raises(RegistryError, match="stopped"):
            stream.read()
    assert not list((scene.folder / "blobs").rglob("*" + LARGE.digest.hex))


def test_no_secret_is_ever_told(tmp_path: Path) -> None:
    with start_registry(tmp_path, "token") as running, serve_broken(running.host) as proxy:
        recorder = Recorder()
        login = Login(proxy.host, running.user, running.password)
        proxy.breaks(Status(500), "PATCH", times=2)
        proxy.breaks(ResetUpload(), "PUT", "/uploads/")
        with connect(tmp_path, [login], recorder=recorder) as registry:
            registry.push(IMAGE, [Reference.parse(f"{proxy.host}/app")])
        told = recorder.text() + repr(login) + repr(registry)
        assert recorder.slept
        assert running.password not in told
        assert "_state" not in told
        assert "Bearer" not in told


def test_unreachable_in_the_middle(scene: Scene) -> None:
    scene.proxy.breaks(ResetUpload(), "HEAD", times=6)
    with pytest.raises(RegistryUnreachable, match=r"cannot reach 127\.0\.0\.1"):
        scene.registry.push_layer(IMAGE.layers[0], scene.reference)
