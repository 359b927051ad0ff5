"""A build in place that does what builds do, and what it imported after ``/`` had been replaced.

usage: late_imports URL TAG, in a container that is thrown away: builds on the image TAG at the registry of
URL and pushes it; without a TAG on the layout in /opt/base. Prints a line of JSON.
"""

from __future__ import annotations

import importlib.abc
import json
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

from ci_builder.cli.invocation import this_process
from ci_builder.cli.main import main
from ci_builder.executors.disposable import MARKER

_HERE = Path("/of-the-container")
_DOCKERFILE = """
FROM base AS one
ARG HOW=now
RUN --mount=type=cache,target=/cache echo $HOW > /made
ADD {url} /fetched
COPY --chown=1000:1000 . /copied/
ADD archive.tar /added/
FROM base
COPY --from=one /made /made
COPY <<end /inline
text
end
RUN --mount=type=secret,id=token --mount=type=bind,target=/context cat /run/secrets/token /context/file
USER worker
WORKDIR /work
RUN ["id"]
HEALTHCHECK --interval=1m CMD true
"""


class Guard(importlib.abc.MetaPathFinder):
    """Sees every import of what is not imported yet, and finds nothing itself."""

    def __init__(self) -> None:
        self.late: list[str] = []

    def find_spec(self, name: str, path: Sequence[str] | None, target: object = None) -> None:
        """See MetaPathFinder."""
        if not _HERE.exists():
            stack = [line for line in traceback.format_stack() if "importlib" not in line]
            self.late.append(f"{name}\n{''.join(stack[-3:-1])}")


def build(url: str, tag: str = "") -> int:
    """Exit code of the build."""
    _HERE.touch()
    context = Path("/kaniko/context")
    context.mkdir(parents=True)
    (context / "Dockerfile").write_text(_DOCKERFILE.format(url=url))
    (context / "file").write_text("content\n")
    (context / "archive.tar").write_bytes(bytes(10240))
    marker = Path(MARKER)
    marker.parent.mkdir()
    marker.touch()
    base = f"docker-image://{tag}" if tag else "oci-layout:///opt/base"
    words = ["--isolation=in-place", f"--build-context=base={base}", "--progress=plain", "--debug"]
    words += ["--secret=id=token,env=SECRET_OF_THE_BUILDER", "--output=type=oci,dest=/kaniko/out.tar"]
    words += [f"--tag={tag}", "--push"] if tag else []
    return main(["build", *words, str(context)], this_process())


if __name__ == "__main__":
    guard = Guard()
    sys.meta_path.insert(0, guard)
    code = build(*sys.argv[1:])
    print(json.dumps({"code": code, "replaced": not _HERE.exists(), "late": guard.late}))
