"""The builder image, made by this project from image/Dockerfile and loaded into a daemon."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from tests.compare.builders import ROOT, Built, run_ours
from tests.servers.dockerd import Docker

NAME = "ci-builder:test"
_INDEX = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL")


def certificates() -> Path:
    """The CA bundle that this machine's clients trust: builds behind a company's proxy need it."""
    for place in (os.environ.get("SSL_CERT_FILE", ""), "/etc/ssl/certs/ca-certificates.crt"):
        if place and Path(place).is_file():
            return Path(place)
    raise RuntimeError("this machine has no CA bundle (Debian's ca-certificates)")


def index_arguments() -> list[str]:
    """``--build-arg`` for each of pip's variables that name an index on this machine."""
    return [f"--build-arg={name}={os.environ[name]}" for name in _INDEX if os.environ.get(name)]


def make_builder_image(docker: Docker, base: str, folder: Path) -> Built:
    """Build the image on ``base`` (a reference) in the new ``folder`` and load it under ``NAME``."""
    trusted = folder / "certificates"
    trusted.mkdir(parents=True)
    shutil.copy(certificates(), trusted / "company.crt")
    archive = folder / "builder.tar"
    built = run_ours(
        [
            *("build", f"--file={ROOT / 'image/Dockerfile'}", f"--build-arg=BASE={base}", "--progress=plain"),
            *(f"--build-context=certificates={trusted}", *index_arguments()),
            *(f"--tag={NAME}", f"--output=type=docker,dest={archive}", str(ROOT)),
        ],
        home=folder,
    )
    if built.code == 0:
        docker("load", "--input", str(archive))
        archive.unlink()
    return built
