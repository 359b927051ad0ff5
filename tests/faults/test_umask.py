"""The umask of the job is not the image's: commands and layers are the same under each."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.compare.builders import run_ours
from tests.servers.bases import Base

pytestmark = [pytest.mark.root, pytest.mark.commands]
_DOCKERFILE = """\
FROM busybox
COPY Dockerfile made/
USER 1000
RUN <<SCRIPT
#!/bin/sh
echo ran > /tmp/ran
SCRIPT
RUN cat /etc/hosts /etc/resolv.conf > /dev/null
RUN stat -c '%a %n' / /etc/hosts /etc/resolv.conf /made > /tmp/seen
"""


@pytest.mark.parametrize("executor", ["namespace", "chroot", "ptrace"])
def test_the_same_under_each(busybox: Base, tmp_path: Path, executor: str) -> None:
    (tmp_path / "context").mkdir()
    (tmp_path / "context/Dockerfile").write_text(_DOCKERFILE)
    digests = set()
    for umask in (0o022, 0o077, 0):
        before = os.umask(umask)
        try:
            built = run_ours(
                [
                    *("build", "--progress=plain", f"--isolation={executor}"),
                    f"--build-context=busybox=oci-layout://{busybox.layout}",
                    f"--output=type=oci,tar=false,dest={tmp_path}/{umask},rewrite-timestamp=true",
                    str(tmp_path / "context"),
                ],
                home=tmp_path,
                env={"SOURCE_DATE_EPOCH": "0"},
            )
        finally:
            os.umask(before)
        assert built.code == 0, built.text
        digests.add(json.loads((tmp_path / f"{umask}/index.json").read_text())["manifests"][0]["digest"])
    assert len(digests) == 1
