"""Lint with base images out of a real registry: what is read of them, and what is not."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from ci_builder.cli.invocation import Invocation
from ci_builder.cli.main import main
from ci_builder.oci.image import Image
from ci_builder.oci.platform import Platform
from ci_builder.oci.reference import Reference
from ci_builder.request import RegistryOptions
from tests.registry.images import ARM64, connect, login_of, make_image
from tests.servers.registry import RunningRegistry, start_registry


@dataclass(frozen=True, slots=True)
class Stand:
    server: RunningRegistry
    context: Path
    already: int
    """How many requests were answered before the test."""

    def build(self, dockerfile: str, *words: str) -> tuple[int, str]:
        """The exit code and everything that is said; REGISTRY stands for the registry's host."""
        (self.context / "Dockerfile").write_text(dockerfile.replace("REGISTRY", self.server.host))
        out, said = io.BytesIO(), io.StringIO()
        home = self.context.parent / "home"
        invocation = Invocation("ci-builder", {"HOME": str(home)}, io.BytesIO(), out, said)
        code = main(["build", "--platform=linux/amd64", *words, str(self.context)], invocation)
        return code, out.getvalue().decode() + said.getvalue()

    def layers_read(self, image: Image) -> list[str]:
        """The layers of ``image`` that this test downloaded."""
        requests = self.server.requests()[self.already :]
        read = [line for line in requests if line.startswith("GET") and "/blobs/" in line]
        digests = [str(layer.descriptor.digest) for layer in image.layers]
        return [digest for digest in digests if any(digest in line for line in read)]


def with_variable(platform: Platform) -> Image:
    image = make_image((100, 50), platform=platform)
    run = replace(image.config.run, env=(("FROM_BASE", "x"),), shell=("/bin/sh", "-c"))
    return image.with_config(replace(image.config, run=run))


AMD = with_variable(Platform("linux", "amd64"))
ARM = with_variable(ARM64)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningRegistry]:
    folder = tmp_path_factory.mktemp("registry")
    with start_registry(folder) as running:
        with connect(folder, login_of(running), RegistryOptions()) as registry:
            registry.push(AMD, [Reference.parse(f"{running.host}/amd:1")])
            registry.push(ARM, [Reference.parse(f"{running.host}/arm:1")])
        yield running


@pytest.fixture
def stand(server: RunningRegistry, tmp_path: Path) -> Stand:
    context = tmp_path / "context"
    context.mkdir()
    (context / "x").write_text("x")
    return Stand(server, context, len(server.requests()))


def test_a_base_for_another_platform_is_a_finding_and_no_base_for_a_build(stand: Stand) -> None:
    code, said = stand.build("FROM REGISTRY/arm:1\nCOPY x /x\n", "--check")
    assert code == 1
    assert "InvalidBaseImagePlatform: the base image" in said
    assert "is for linux/arm64, the build for linux/amd64" in said
    assert "check: 1 finding\n" in said
    code, said = stand.build("FROM REGISTRY/arm:1\nCOPY x /x\n")
    assert code == 1
    assert "is for linux/arm64, the build for linux/amd64" in said
    assert stand.layers_read(ARM) == []


def test_what_the_base_sets_is_known_and_no_layer_is_read(stand: Stand) -> None:
    text = "FROM REGISTRY/amd:1\nUSER $FROM_BASE\nCMD shell of the base\n"
    assert stand.build(text, "--check") == (0, "check: no findings\n")
    code, said = stand.build(text + "USER $NOT_THERE\n", "--check")
    assert code == 1
    assert "UndefinedVar: nothing sets $NOT_THERE" in said
    code, said = stand.build("# check=error=true\n" + text + "COPY x$NOT_THERE /x\n")
    assert code == 1
    assert "breaks these lint rules: UndefinedVar" in said
    assert stand.layers_read(AMD) == []


def test_the_layers_are_read_by_a_build(stand: Stand) -> None:
    code, said = stand.build(
        "FROM REGISTRY/amd:1\nCOPY x /x\n", f"--output=type=oci,dest={stand.context}/../o.tar"
    )
    assert code == 0, said
    assert len(stand.layers_read(AMD)) == 2
