"""What a build made although a cache had it takes the place of that, for every step that follows."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

from tests.compare.builders import run_ours
from tests.servers.bases import Base

pytestmark = [pytest.mark.root, pytest.mark.commands]

_SECRET = "RUN --mount=type=secret,id=s cat /run/secrets/s > /f; touch -d @0 /f\n"


def _f(folder: Path, base: Base, word: str, *more: str) -> str:
    """The content of the file ``f`` in the image, built with ``word`` as the secret."""
    (folder / "word").write_text(word)
    built = run_ours(
        [
            *("build", "--progress=plain", "--isolation=namespace"),
            f"--build-context=busybox=oci-layout://{base.layout}",
            f"--cache-from=type=local,src={folder / 'kept'}",
            f"--cache-to=type=local,dest={folder / 'kept'},mode=max",
            *(f"--secret=id=s,src={folder / 'word'}", f"--output=type=tar,dest={folder / 'out'}"),
            *(*more, str(folder / "context")),
        ],
        home=folder,
    )
    assert built.code == 0, built.text
    with tarfile.open(folder / "out") as archive:
        content = archive.extractfile("f")
        assert content is not None
        return content.read().decode()


def test_what_copies_from_a_stage_that_is_built_anew_is_told_so(tmp_path: Path, busybox: Base) -> None:
    (tmp_path / "context").mkdir()
    (tmp_path / "context/Dockerfile").write_text(
        f"FROM busybox AS made\n{_SECRET}FROM busybox\nCOPY --from=made /f /f\nRUN cat /f > /g\n"
    )
    _f(tmp_path, busybox, "first")
    kept = f"--cache-from=type=local,src={tmp_path / 'kept'}"
    base = f"--build-context=busybox=oci-layout://{busybox.layout}"
    words = [base, kept, f"--secret=id=s,src={tmp_path / 'word'}", "--no-cache-filter=made"]
    told = run_ours(["explain", "--isolation=namespace", *words, str(tmp_path / "context")], home=tmp_path)
    assert "what it takes files from is built anew; it is found if the files are the same still" in told.text
    assert "too long" not in told.text
    (tmp_path / "word").write_text("second")
    out = f"--output=type=tar,dest={tmp_path / 'out'}"
    built = run_ours(
        ["build", "--isolation=namespace", "--progress=plain", *words, out, str(tmp_path / "context")],
        home=tmp_path,
    )
    assert "COPY --from=made /f /f" in built.text
    assert "not in the cache: what it takes files from is built anew" in built.text
    assert "too long" not in built.text


@pytest.mark.parametrize("anew", ["--no-cache", "--no-cache-filter=made"])
@pytest.mark.parametrize(
    "dockerfile",
    [
        f"FROM busybox AS made\n{_SECRET}",
        f"FROM busybox AS made\n{_SECRET}FROM busybox\nCOPY --from=made /f /f\n",
        f"FROM busybox AS made\n{_SECRET}FROM made AS more\nRUN cp /f /g\n"
        "FROM busybox\nCOPY --from=more /g /f\n",
        f"FROM busybox AS made\n{_SECRET}FROM busybox\nRUN --mount=from=made,target=/m cp /m/f /f\n",
    ],
    ids=["stage", "copy", "copy-of-the-next", "mount"],
)
def test_the_next_build_finds_it(dockerfile: str, anew: str, tmp_path: Path, busybox: Base) -> None:
    (tmp_path / "context").mkdir()
    (tmp_path / "context/Dockerfile").write_text(dockerfile)
    assert _f(tmp_path, busybox, "first") == "first"
    assert _f(tmp_path, busybox, "second") == "first", "secrets do not matter"
    assert _f(tmp_path, busybox, "second", anew) == "second"
    assert _f(tmp_path, busybox, "third") == "second"
    # The very same layer as at the beginning.
    assert _f(tmp_path, busybox, "first", anew) == "first"
    assert _f(tmp_path, busybox, "third") == "first"
