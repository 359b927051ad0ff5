"""Push and pull against real registries: anonymous, Basic, Bearer, TLS."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pytest

from ci_builder.errors import (
    AuthenticationFailed,
    DigestMismatch,
    ImageNotFound,
    RegistryUnreachable,
    UsageError,
)
from ci_builder.oci.config import History
from ci_builder.oci.digest import Digest
from ci_builder.oci.image import Image
from ci_builder.oci.reference import Reference
from ci_builder.registry.client import Registry
from ci_builder.request import Login, RegistryOptions
from tests.registry.images import AMD64, Recorder, connect, login_of, make_image, make_layer, read_layers
from tests.servers.certificates import make_certificates
from tests.servers.registry import IDENTITY_TOKEN, RunningRegistry, start_registry

Auth = Literal["htpasswd", "token"] | None


@contextmanager
def _connected(
    folder: Path, auth: Auth, **options: Any
) -> Iterator[tuple[RunningRegistry, Registry, Recorder]]:
    recorder = Recorder()
    with (
        start_registry(folder, auth) as server,
        connect(folder, login_of(server), RegistryOptions(**options), recorder) as registry,
    ):
        yield server, registry, recorder


def _check_same(pulled: Image, pushed: Image) -> None:
    assert pulled.manifest_bytes() == pushed.manifest_bytes()
    assert pulled.config_bytes() == pushed.config_bytes()
    assert read_layers(pulled) == read_layers(pushed)


@pytest.mark.parametrize("auth", [None, "htpasswd", "token"])
@pytest.mark.parametrize("family", ["oci", "docker"])
def test_what_is_pushed_is_pulled(tmp_path: Path, auth: Auth, family: Any) -> None:
    image = make_image((2_000_000, 0, 100), family)
    with _connected(tmp_path, auth) as (server, registry, recorder):
        reference = Reference.parse(f"{server.host}/team/app:1.0")
        registry.check_push(reference)
        descriptor = registry.push(image, [reference])
        assert descriptor == image.descriptor()
        assert registry.resolve(reference).digest == descriptor.digest
        pulled = registry.image(reference, AMD64)
        _check_same(pulled, image)
        _check_same(registry.image(Reference.parse(f"{reference.name}@{descriptor.digest}"), AMD64), image)
        assert {layer.origin for layer in pulled.layers} == {reference.name}
    assert recorder.transferred("pushed") == 4
    assert recorder.transferred("pulled") == 3


@pytest.mark.parametrize("compression", ["gzip", "zstd", "none"])
def test_layer_compressions(tmp_path: Path, compression: str) -> None:
    image = make_image((50_000,), compression=compression)
    with _connected(tmp_path, None) as (server, registry, _):
        reference = Reference.parse(f"{server.host}/app")
        registry.push(image, [reference])
        _check_same(registry.image(reference, AMD64), image)


def test_every_blob_moves_once(tmp_path: Path) -> None:
    image = make_image((400_000, 100))
    with _connected(tmp_path, "token") as (server, registry, recorder):
        references = [Reference.parse(f"{server.host}/{name}") for name in ("a/b:1", "a/b:2", "other/c:1")]
        for layer in image.layers:
            registry.push_layer(layer, references[0])
        registry.push(image, references)
        requests = server.requests()
        # One in a stream, the small one and the config at once.
        assert sum(" 202" in line and line.startswith("PATCH") for line in requests) == 1
        assert sum("/uploads/" in line and line.startswith("PUT") for line in requests) == 3
        # The second repository mounts what the first one has.
        assert sum("mount=" in line and line.endswith(" 201") for line in requests) == 3
        manifests = [line for line in requests if "/manifests/" in line and line.startswith("PUT")]
        assert manifests == requests[-3:], "a tag was written before all of the parts were there"
        first = registry.image(references[2], AMD64)
        read_layers(first)
        read_layers(registry.image(references[0], AMD64))
        assert recorder.transferred("pulled") == 2
        # A base's layers are mounted, not uploaded, in a repository that does not have them.
        registry.push(first, [Reference.parse(f"{server.host}/third:1")])
    assert recorder.transferred("mounted") == 6
    assert recorder.transferred("pushed") == 3


def test_mounts_are_asked_for_where_something_is_there(tmp_path: Path) -> None:
    """What is there is not mounted again: that writes its link anew, at which a manifest may be refused."""
    with _connected(tmp_path, "token") as (server, registry, _):
        first, second = (Reference.parse(f"{server.host}/{name}:1") for name in ("first", "second"))
        registry.push(make_image([100] * 14), [first])

        def asked(method: str, path: str) -> int:
            return sum(line.startswith(method) and path in line for line in server.requests())

        with connect(tmp_path / "new", login_of(server)) as other:
            other.push(other.image(first, AMD64), [second])
        assert asked("POST", "/second/blobs/uploads/?mount=") == 14
        assert asked("HEAD", "/second/blobs/") < 10, "a repository that has nothing is asked again and again"
        with connect(tmp_path / "newer", login_of(server)) as other:
            image = other.image(first, AMD64).append(make_layer(100, 99), History())
            other.push(image, [second])
        assert asked("POST", "/second/blobs/uploads/?mount=") == 14
        read_layers(registry.image(second, AMD64))


def test_a_second_build_finds_what_is_there(tmp_path: Path) -> None:
    image = make_image()
    with start_registry(tmp_path) as server:
        reference = Reference.parse(f"{server.host}/app")
        with connect(tmp_path) as registry:
            registry.push(image, [reference])
            read_layers(registry.image(reference, AMD64))
        recorder = Recorder()
        with connect(tmp_path, recorder=recorder) as registry:
            registry.push(image, [reference])
            read_layers(registry.image(reference, AMD64))
    assert recorder.transferred("present") == 3
    assert recorder.transferred("pulled") == recorder.transferred("pushed") == 0


def test_a_layer_that_cannot_be_mounted_is_uploaded(tmp_path: Path) -> None:
    layer = make_layer(1000)
    with _connected(tmp_path, None) as (server, registry, recorder):
        claimed = replace(layer, origin=f"{server.host}/never/there")
        registry.push_layer(claimed, Reference.parse(f"{server.host}/app"))
    assert recorder.transferred("pushed") == 1


def test_identity_token(tmp_path: Path) -> None:
    image = make_image()
    with start_registry(tmp_path, "token") as server:
        assert server.tokens is not None
        login = Login(server.host, identity_token=IDENTITY_TOKEN)
        with connect(tmp_path, [login]) as registry:
            registry.push(image, [Reference.parse(f"{server.host}/app")])
        assert {method for method, _, _ in server.tokens.requests} == {"POST"}
        wrong = Login(server.host, identity_token="not-this-one")
        with connect(tmp_path, [wrong]) as registry, pytest.raises(AuthenticationFailed) as caught:
            registry.check_push(Reference.parse(f"{server.host}/app"))
        assert "not-this-one" not in str(caught.value) + caught.value.hint


def test_registry_token(tmp_path: Path) -> None:
    with start_registry(tmp_path, "token") as server:
        assert server.tokens is not None
        token = server.tokens.token(
            [{"type": "repository", "name": "app", "actions": ["pull", "push"]}], "somebody"
        )
        with connect(tmp_path, [Login(server.host, registry_token=token)]) as registry:
            registry.push(make_image(), [Reference.parse(f"{server.host}/app")])
        assert server.tokens.requests == []


def test_a_token_that_ran_out_is_fetched_again(tmp_path: Path) -> None:
    with start_registry(tmp_path, "token") as server:
        assert server.tokens is not None
        server.tokens.lifetime = -120  # older than the minute of grace that docker-registry gives
        login = login_of(server)
        with connect(tmp_path, login) as registry:
            with pytest.raises(AuthenticationFailed):
                registry.check_push(Reference.parse(f"{server.host}/app"))
            server.tokens.lifetime = 60
            registry.push(make_image(), [Reference.parse(f"{server.host}/app")])


@pytest.mark.parametrize("auth", ["htpasswd", "token"])
def test_wrong_password(tmp_path: Path, auth: Auth) -> None:
    with start_registry(tmp_path, auth) as server:
        recorder = Recorder()
        login = Login(server.host, server.user, "wr0ng-passw0rd")
        reference = Reference.parse(f"{server.host}/app")
        with connect(tmp_path, [login], recorder=recorder) as registry:
            for action in (
                lambda: registry.check_push(reference),
                lambda: registry.push(make_image(), [reference]),
                lambda: registry.image(reference, AMD64),
                lambda: registry.check_login(server.host),
            ):
                with pytest.raises(AuthenticationFailed) as caught:
                    action()
                told = f"{caught.value} {caught.value.hint}"
                assert server.host in told
                assert "'ci'" in told
                assert "wr0ng" not in told
                assert caught.value.status == 401
        assert recorder.slept == [], "a wrong password is not tried again"
        assert not [line for line in server.requests() if line.endswith((" 201", " 202"))]


@pytest.mark.parametrize("auth", ["htpasswd", "token"])
def test_nobody(tmp_path: Path, auth: Auth) -> None:
    with start_registry(tmp_path, auth) as server, connect(tmp_path) as registry:
        with pytest.raises(AuthenticationFailed) as caught:
            registry.check_push(Reference.parse(f"{server.host}/app"))
        assert "no credentials" in caught.value.hint


def test_missing_image(tmp_path: Path) -> None:
    with _connected(tmp_path, "token") as (server, registry, _):
        reference = Reference.parse(f"{server.host}/no/such:tag")
        for action in (lambda: registry.image(reference, AMD64), lambda: registry.resolve(reference)):
            with pytest.raises(ImageNotFound, match=f"no image {server.host}/no/such"):
                action()


def test_check_push_leaves_no_upload(tmp_path: Path) -> None:
    for auth in (None, "token"):
        with _connected(tmp_path, auth) as (server, registry, recorder):
            registry.check_push(Reference.parse(f"{server.host}/app"))
            # docker-registry leaves an empty "hashstates" behind.
            assert not list(server.storage.rglob("_uploads/*/startedat"))
            assert "stays" not in recorder.notices()


def test_pinned_to_another_digest(tmp_path: Path) -> None:
    with _connected(tmp_path, None) as (server, registry, _):
        pinned = Reference.parse(f"{server.host}/app:1").with_digest(Digest.of(b"else"))
        with pytest.raises(DigestMismatch):
            registry.push(make_image(), [pinned])
        assert server.requests() == []


def test_private_authority(tmp_path: Path) -> None:
    image = make_image()
    with start_registry(tmp_path, "token", make_certificates(tmp_path)) as server:
        assert server.tls is not None
        reference = Reference.parse(f"{server.host}/app")
        authority = str(server.tls.authority)
        with connect(tmp_path, login_of(server)) as registry:
            with pytest.raises(RegistryUnreachable, match="certificate is not trusted") as caught:
                registry.push(image, [reference])
            assert "--skip-tls-verify" in caught.value.hint
        for options in (
            RegistryOptions(certificates=((server.host, authority),)),
            RegistryOptions(certificates=(("*", authority),)),
            RegistryOptions(skip_tls_verify=(server.host,)),
            RegistryOptions(skip_tls_verify=("*",)),
        ):
            with connect(tmp_path, login_of(server), options) as registry:
                registry.push(image, [reference])
                _check_same(registry.image(reference, AMD64), image)
        for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
            with connect(tmp_path, login_of(server), environment={name: authority}) as registry:
                registry.push(image, [reference])


def test_client_certificate(tmp_path: Path) -> None:
    tls = make_certificates(tmp_path)
    with start_registry(tmp_path, None, tls, client_certificates=True) as server:
        reference = Reference.parse(f"{server.host}/app")
        known = ((server.host, str(tls.authority)),)
        options = RegistryOptions(certificates=known, retries=0)
        with connect(tmp_path, options=options) as registry, pytest.raises(RegistryUnreachable):
            registry.push(make_image(), [reference])
        own = ((server.host, str(tls.client_certificate), str(tls.client_key)),)
        options = RegistryOptions(certificates=known, client_certificates=own)
        with connect(tmp_path, options=options) as registry:
            registry.push(make_image(), [reference])


def test_broken_bundle(tmp_path: Path) -> None:
    bundle = tmp_path / "bundle.pem"
    bundle.write_text("nothing of use")
    with pytest.raises(UsageError, match=r"bundle\.pem"):
        connect(tmp_path, options=RegistryOptions(certificates=(("*", str(bundle)),)))


def test_unreachable_names_the_host(tmp_path: Path) -> None:
    recorder = Recorder()
    with connect(tmp_path, recorder=recorder) as registry:
        with pytest.raises(RegistryUnreachable, match=r"cannot reach 127\.0\.0\.1:1: connection refused"):
            registry.image(Reference.parse("127.0.0.1:1/app"), AMD64)
        assert len(recorder.slept) == 2
        with pytest.raises(RegistryUnreachable, match=r"no-such-host\.invalid"):
            registry.image(Reference.parse("no-such-host.invalid/app"), AMD64)
