"""The builder image, made by this project from image/Dockerfile."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from tests.compare.builders import ROOT, Built, run_ours

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


def make_builder_image(base: str, folder: Path) -> Built:
    """Build the image ``NAME`` on ``base`` (a reference) in the new ``folder``, as ``archive_of`` it."""
    trusted = folder / "certificates"
    trusted.mkdir(parents=True)
    shutil.copy(certificates(), trusted / "company.crt")
    return run_ours(
        [
            *("build", f"--file={ROOT / 'image/Dockerfile'}", f"--build-arg=BASE={base}", "--progress=plain"),
            *(f"--build-context=certificates={trusted}", *index_arguments()),
            *(f"--tag={NAME}", f"--output=type=docker,dest={archive_of(folder)}", str(ROOT)),
        ],
        home=folder,
    )


def archive_of(folder: Path) -> Path:
    """What ``docker load`` takes of a builder image made in ``folder``."""
    return folder / "builder.tar"
