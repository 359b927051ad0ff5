"""Images for another kind of machine: whatever needs no command of that machine is built."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from ci_builder.oci.platform import Platform
from tests.behaviour.workbench import ALL, Image, Workbench, agree, folder, refuse
from tests.conformance.case import Case

pytestmark = pytest.mark.root

_HERE = Platform.of_machine(os.uname().machine)
OTHER = "arm64" if _HERE.architecture != "arm64" else "amd64"


@pytest.fixture(scope="module")
def case() -> Case:
    """As compilers for other machines are used."""
    return Case(
        name="platforms",
        dockerfile="""\
FROM --platform=$BUILDPLATFORM busybox AS compiler
ARG TARGETPLATFORM BUILDPLATFORM
COPY source /source
RUN echo "$TARGETPLATFORM on $BUILDPLATFORM" > /made
FROM scratch
COPY source /lowest
COPY --from=compiler /source /etc/passwd /
COPY --from=compiler /mad* /
WORKDIR /work
""",
        context={"source": "s"},
        options=(f"--platform=linux/{OTHER}",),
    )


def test_the_image_is_for_it(image: Image) -> None:
    assert image.whole["architecture"] == OTHER
    assert image.files["work"] == folder()
    assert image.read("source") == "s"


def test_what_was_compiled(ran: Image) -> None:
    assert ran.read("made") == f"linux/{OTHER} on {_HERE}\n"


def test_every_executor_makes_the_same(images: Callable[[str], Image]) -> None:
    agree(images)


@pytest.mark.parametrize("executor", ALL)
def test_no_command_at_all(workbench: Workbench, executor: str) -> None:
    text = "FROM scratch\nCOPY a /a\n"
    case = Case(name="copied", dockerfile=text, context={"a": "a"}, options=("--platform=linux/arm/v7",))
    whole = workbench.image(executor, case).whole
    assert (whole["architecture"], whole["variant"]) == ("arm", "v7")


def test_a_command_of_it(tmp_path: Path) -> None:
    text = "FROM scratch AS a\nCOPY Dockerfile /\nFROM a\nRUN true\n"
    found = refuse(tmp_path / "job", text, [f"--platform=linux/{OTHER}"])
    assert found.line == 4
    assert found.message == (
        f"this RUN is for linux/{OTHER}, the machine is {_HERE}, and emulation is not supported"
    )
    assert "--platform=$BUILDPLATFORM" in found.hint
