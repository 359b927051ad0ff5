"""What ``plan`` and ``explain`` print of a project in a few states; and how the expectations are made anew.

python -m tests.golden.cli_plans      writes every expectation; look at the difference
"""

from __future__ import annotations

import io
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ci_builder.build.preview import Amount, Preview, Pushed, Unpacked
from ci_builder.cli.invocation import Invocation
from ci_builder.cli.main import main
from ci_builder.cli.rendering.preview import plan_json, plan_text

HERE = Path(__file__).parent / "cli" / "plans"
_DOCKERFILE = """\
FROM scratch AS files
COPY files /files
FROM files AS more
ADD --chmod=600 word /word
WORKDIR /work
FROM scratch AS tool
RUN make tool
FROM more AS app
ENV NAME=value
ARG VERSION=1
RUN make VERSION=$VERSION
COPY --from=files /files /copied
COPY --from=tool /tool /tool
COPY --link word /linked
FROM app AS never
RUN something else
"""
# Sizes of compressed layers are the compressor's, times those of the run.
_VOLATILE = (
    (re.compile(r"\d[\d,]* bytes"), "N bytes"),
    (re.compile(r"sha256:[0-9a-f]{64}"), "sha256:…"),
    (re.compile(r"made \d{4}-\d\d-\d\d \d\d:\d\d"), "made …"),
)
_CASES: dict[str, tuple[str, ...]] = {
    "nothing-cached": ("plan",),
    "cached": ("plan", "--target=more", "CACHE"),
    "some-cached": ("plan", "--target=app", "CACHE", "--cache-to=type=inline"),
    "changed": ("plan", "--target=more", "CACHE", "CHANGE"),
    "explain-cached": ("explain", "--target=more", "CACHE"),
    "explain-some-cached": ("explain", "--target=app", "CACHE"),
    "explain-changed": ("explain", "--target=app", "CACHE", "CHANGE"),
}


def rendered() -> Iterator[tuple[Path, str]]:
    """Each expectation's path and the text of now."""
    for name, words in _CASES.items():
        with tempfile.TemporaryDirectory() as folder:
            yield HERE / f"{name}.txt", _Project(Path(folder)).answer(words)
    yield HERE / "pushing.txt", plan_text(_pushing())
    yield HERE / "pushing.json", plan_json(_pushing())


def _pushing() -> Preview:
    """Everything that can be said of pushing."""
    return Preview(
        (),
        (Unpacked("for stage 0 app", Amount(2, 1_234_567)),),
        (
            Pushed("example.com/app:1", Amount(1, 10), Amount(2, 2000), Amount(1, 30), 1),
            Pushed("example.com/app:2", Amount(), Amount(), Amount(), 2, "cannot reach example.com"),
        ),
        (),
        ("example.com/cache:cache-app",),
    )


class _Project:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._context = folder / "context"
        (self._context / "files").mkdir(parents=True)
        for name, text in (
            ("Dockerfile", _DOCKERFILE),
            ("word", "word\n"),
            ("files/a", "a"),
            ("files/b", "b"),
        ):
            (self._context / name).write_text(text)

    def answer(self, words: tuple[str, ...]) -> str:
        cache = self._folder / "cache"
        if "CACHE" in words:
            self._run("build", "-q", "--target=more", f"--cache-to=type=local,dest={cache},mode=max")
        if "CHANGE" in words:
            (self._context / "files" / "b").write_text("other")
            (self._context / "files" / "c").write_text("new")
        options = [f"--cache-from=type=local,src={cache}" if word == "CACHE" else word for word in words]
        text = self._run(*(word for word in options if word != "CHANGE"), "-q", "--platform=linux/amd64")
        for pattern, shown in _VOLATILE:
            text = pattern.sub(shown, text)
        return text.replace(str(self._folder), "FOLDER")

    def _run(self, *words: str) -> str:
        out, said = io.BytesIO(), io.StringIO()
        environment = {"HOME": str(self._folder), "CI_BUILDER_HOME": str(self._folder / "home")}
        invocation = Invocation("ci-builder", environment, io.BytesIO(), out, said)
        code = main([*words, str(self._context)], invocation)
        if code:
            raise RuntimeError(said.getvalue())
        return out.getvalue().decode()


if __name__ == "__main__":
    HERE.mkdir(exist_ok=True)
    for path, text in rendered():
        path.write_text(text, encoding="utf-8")
