"""Attributes of a base that no kernel would have taken: the command's supervisor takes them for none."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from ci_builder.layout.reader import read_image
from ci_builder.layout.writer import write_image
from ci_builder.oci import media_types
from ci_builder.oci.config import History
from ci_builder.oci.descriptor import Descriptor
from ci_builder.oci.digest import Digest
from ci_builder.oci.layer import Layer
from ci_builder.oci.platform import Platform
from tests.compare.builders import run_ours
from tests.servers.bases import Base

pytestmark = [pytest.mark.root, pytest.mark.commands]

_XATTR = "SCHILY.xattr."
_RUN = "touch /folder/x && mkdir /folder/y && chmod 700 /folder && /programs/true && stat -c %a /folder"


def _layer() -> Layer:
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as archive:
        folder = tarfile.TarInfo("folder")
        folder.type, folder.mode = tarfile.DIRTYPE, 0o755
        folder.pax_headers = {
            f"{_XATTR}system.posix_acl_default": "\2\0\0\0",
            f"{_XATTR}system.posix_acl_access": "no list",
        }
        archive.addfile(folder)
        program = tarfile.TarInfo("programs/true")
        content = Path("/bin/busybox").read_bytes()
        program.size, program.mode = len(content), 0o755
        program.pax_headers = {f"{_XATTR}security.capability": "abc"}
        archive.addfile(program, io.BytesIO(content))
    data = raw.getvalue()
    digest = Digest.of(data)
    descriptor = Descriptor(media_types.OCI_LAYER_TAR, digest, len(data))
    return Layer(descriptor, digest, lambda: io.BytesIO(data))


def test_they_are_none(busybox: Base, tmp_path: Path) -> None:
    image = read_image(busybox.layout, "", Platform.parse("linux/amd64"))
    write_image(tmp_path / "base", image.append(_layer(), History()), [("x", "x")])
    (tmp_path / "context").mkdir()
    (tmp_path / "context/Dockerfile").write_text(
        f"FROM base\nUSER 1000\nRUN ls /folder\nUSER 0\nRUN {_RUN}\n"
    )
    built = run_ours(
        [
            *("build", "--progress=plain", "--isolation=ptrace"),
            f"--build-context=base=oci-layout://{tmp_path / 'base'}",
            *(f"--output=type=tar,dest={tmp_path / 'out'}", str(tmp_path / "context")),
        ],
        home=tmp_path,
    )
    assert built.code == 0, built.text
    assert " 700" in built.text
