"""What the golden tests of the Dockerfile front end show, as text; and how their files are made anew.

    python -m tests.golden.frontend      writes every expectation; look at the difference before you commit

``dockerfiles/`` are the inputs of ``parsed/``, ``plan/`` and ``evaluated/``; ``errors/`` and ``lint/`` have
their own.
The config and history lines of ``evaluated/`` were held against dockerd 20.10's BuildKit and are equal,
except for what that version does not know (heredocs, ``${x%y}``, RUN --network, ADD --checksum, text
behind a JSON array), for what needs the network, and for made-up bases.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator
from pathlib import Path

from ci_builder.build.checks import find
from ci_builder.build.describe import describe
from ci_builder.build.evaluate import State, begin, begin_from_stage, evaluate, finish
from ci_builder.build.lint.trace import Base, StageTrace, trace
from ci_builder.build.origins import FromImage, FromStage
from ci_builder.build.plan import Plan, PlannedStage, PlanOptions, plan
from ci_builder.context import ignore
from ci_builder.dockerfile.dockerfile import Dockerfile, parse
from ci_builder.dockerfile.reader import Line
from ci_builder.dockerfile.words import expand
from ci_builder.errors import CiBuilderError, InvalidValue
from ci_builder.oci.config import ImageConfig, RunConfig
from ci_builder.oci.platform import Platform
from ci_builder.span import Source

HERE = Path(__file__).parent
AMD64 = Platform("linux", "amd64")
BUILD_ARGS = (
    ("GIVEN", "given"),
    ("B", "from outside"),
    ("http_proxy", "http://proxy"),
    ("HTTPS_PROXY", "https://proxy"),
    ("TYPO", "x"),
)
CONTEXTS = ("assets", "src", "debian")

_PATH = ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
_BASE = RunConfig(
    env=(_PATH, ("BASE", "yes")),
    cmd=("sh",),
    working_dir="/srv",
    labels=(("from", "base"),),
    exposed_ports=("7/tcp",),
    volumes=("/base",),
)
_TRIGGERS = ("RUN echo one", "COPY --from=tools /bin/sh /x", "ENV X=$BASE")
IMAGES = {
    "base:1": ImageConfig(AMD64, _BASE, author="base author"),
    "onbuild:1": ImageConfig(AMD64, dataclasses.replace(_BASE, onbuild=_TRIGGERS)),
    "arm:1": ImageConfig(Platform("linux", "arm64"), _BASE),
}
IGNORED = "ignored\n*.tmp\n"


def load(path: Path) -> Source:
    """The file as a Source called as people call theirs."""
    return Source("Dockerfile", path.read_bytes().decode())


def parsed(source: Source) -> str:
    """The instructions with their fields, one after another."""
    dockerfile = parse(source)
    lines = [f"directives {dockerfile.directives}"]
    lines += [_shown(arg) for arg in dockerfile.global_args]
    for stage in dockerfile.stages:
        lines.append(f"stage {stage.index} {stage.title}")
        lines += [_shown(item) for item in (stage.base, *stage.instructions)]
    return "\n".join(lines) + "\n"


def planned(source: Source) -> str:
    """The plan of the last stage."""
    return describe(_plan(parse(source)))


def evaluated(source: Source) -> str:
    """The target's config, and the history and the actions of every stage that it needs."""
    made = _plan(parse(source))
    states: dict[int, State] = {}
    lines: list[str] = []
    for stage in made.stages:
        lines.append(f"stage {stage.name}")
        if isinstance(stage.base, FromStage):
            state = begin_from_stage(states[stage.base.index])
        else:
            state = begin(_config(stage.base), made.settings)
        for instruction in stage.instructions:
            state, step = evaluate(state, instruction)
            if step is None:
                lines.append(f"{instruction.line.span.first}: no step")
                continue
            lines.append(f"{step.span.first}-{step.span.last}: {step.title}")
            lines.append(f"    history {step.created_by!r}")
            lines += [f"    {action}" for action in step.actions]
            lines += ["    a layer of its own (--link)"] if step.linked else []
        states[stage.index] = state
    state = finish(states[made.target.index], (("from", "the request"), ("label", "x")))
    lines.append(f"author {state.author!r}")
    lines.append(json.dumps(state.run.to_json(), indent=1, ensure_ascii=False))
    return "\n".join(lines) + "\n"


def failed(source: Source) -> str:
    """The error of parsing, planning or evaluating, as a person sees it."""
    try:
        evaluated(source)
    except CiBuilderError as error:
        hint = f"hint: {error.hint}\n" if error.hint else ""
        return f"{type(error).__name__}\n{error}\n{hint}"
    return "no error\n"


def linted(source: Source) -> str:
    """What the lint rules find in all stages, in a context that leaves out IGNORED."""
    dockerfile = parse(source)
    options = PlanOptions(AMD64, AMD64, build_args=BUILD_ARGS, everything=True)
    made = plan(dockerfile, options)

    def base(stage: PlannedStage) -> Base:
        wanted = stage.platform or AMD64
        if isinstance(stage.base, FromStage):
            return Base(None, wanted, None, ignore.parse(IGNORED))
        config = _config(stage.base)
        actual = config.platform if isinstance(stage.base, FromImage) else None
        return Base(begin(config, made.settings), wanted, actual, ignore.parse(IGNORED))

    checked = find(dockerfile, made, options, base)
    lines = [f"{item.span.first}-{item.span.last} {item}\n" for item in checked.findings]
    error = f"error: {checked.error}\n" if checked.error else ""
    return ("".join(lines) or "nothing\n") + error


def final_states(source: Source) -> tuple[list[State], list[State]]:
    """The state at the end of every stage that is needed, as a build has it and as lint has it."""
    made = _plan(parse(source))
    built: dict[int, State] = {}
    traces: dict[int, StageTrace] = {}
    for stage in made.stages:
        below = stage.base.index if isinstance(stage.base, FromStage) else None
        first = None if below is not None else begin(_config(stage.base), made.settings)
        state = begin_from_stage(built[below]) if below is not None else first
        assert state is not None
        for instruction in stage.instructions:
            state, _ = evaluate(state, instruction)
        built[stage.index] = state
        base = Base(first, AMD64, None, ignore.Ignore())
        traces[stage.index] = trace(stage, base, traces[below] if below is not None else None)
    return list(built.values()), [item.after for item in traces.values()]


SHOWS: dict[str, Callable[[Source], str]] = {
    "parsed": parsed,
    "plan": planned,
    "evaluated": evaluated,
    "errors": failed,
    "lint": linted,
}
_WITH_INPUTS = ("errors", "lint")


VARIABLES = {"x": "foobar.tar.gz", "e": "", "p": "a/b/c", "s": "two  words"}


def expanded(texts: str) -> str:
    """Every line of ``texts`` expanded, with the words that it falls into."""
    shown = [f"variables {VARIABLES}"]
    for text in texts.removesuffix("\n").split("\n"):
        try:
            result = expand(text, VARIABLES)
        except InvalidValue as error:
            shown.append(f"{text}\n    error: {error.reason}")
            continue
        shown.append(f"{text}\n    {result.text!r} {list(result.words)}")
    return "\n".join(shown) + "\n"


def cases() -> Iterator[tuple[str, Path, Path]]:
    """(what is shown, input, expectation) of every golden test."""
    for what in SHOWS:
        folder = HERE / (what if what in _WITH_INPUTS else "dockerfiles")
        for path in sorted(folder.glob("*.Dockerfile")):
            yield what, path, HERE / what / f"{path.stem}.txt"


def _plan(dockerfile: Dockerfile) -> Plan:
    contexts = CONTEXTS if "--from=assets" in dockerfile.source.text else ()
    options = PlanOptions(AMD64, AMD64, build_args=BUILD_ARGS, contexts=contexts)
    made = plan(dockerfile, options)
    onbuild = {stage.index: _config(stage.base).run.onbuild for stage in made.stages}
    return plan(dockerfile, dataclasses.replace(options, onbuild=onbuild))


def _config(base: object) -> ImageConfig:
    name = base.reference.familiar if isinstance(base, FromImage) else ""
    return IMAGES.get(name, ImageConfig(AMD64))


def _shown(instruction: object) -> str:
    assert dataclasses.is_dataclass(instruction)
    line = getattr(instruction, "line")  # noqa: B009 - every instruction has one
    assert isinstance(line, Line)
    fields = [
        f"{field.name}={getattr(instruction, field.name)!r}"
        for field in dataclasses.fields(instruction)
        if field.name != "line"
    ]
    name = type(instruction).__name__
    heredocs = "".join(f"\n     {item}" for item in line.heredocs)
    return f"{line.span.first}-{line.span.last} {name} {' '.join(fields)}{heredocs}"


def write() -> None:
    """Write every expectation."""
    for what, path, expectation in cases():
        expectation.parent.mkdir(exist_ok=True)
        expectation.write_text(SHOWS[what](load(path)))
    (HERE / "words" / "expanded.txt").write_text(expanded((HERE / "words" / "inputs.txt").read_text()))


if __name__ == "__main__":
    write()
