"""A Result and a Situation."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ci_builder.ci.interface import GitFacts, Situation
from ci_builder.request import LayerReport, Result


@pytest.fixture
def result() -> Result:
    """A pushed image with a base layer and one of its own."""
    return Result(
        digest="sha256:" + "d" * 64,
        image_id="sha256:" + "c" * 64,
        manifest_size=700,
        media_type="application/vnd.oci.image.manifest.v1+json",
        tags=("registry.example.com:5000/a/b:1", "registry.example.com:5000/a/b:latest"),
        pushed=("registry.example.com:5000/a/b:1", "registry.example.com:5000/a/b:latest"),
        written=(),
        layers=(
            LayerReport("sha256:" + "1" * 64, 5 << 20, "", base=True),
            LayerReport("sha256:" + "2" * 64, 1 << 19, "RUN echo `x` | cat"),
        ),
        executor="namespace",
        executor_reason="root with mount rights",
        seconds=12.3,
    )


@pytest.fixture
def situation() -> Callable[..., Situation]:
    """Makes the situation of an environment."""

    def make(environment: dict[str, str], event: dict[str, object] | None = None) -> Situation:
        return Situation(
            environment=environment,
            git=GitFacts,
            event=lambda _: event or {},
            token="TOKEN",
            clock=lambda: 1700000000,
        )

    return make
