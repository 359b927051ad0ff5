"""WORKDIR."""

from __future__ import annotations

import posixpath

from ci_builder.build.action import MakeDirectory, Step
from ci_builder.build.evaluate.paths import clean
from ci_builder.build.evaluate.state import State
from ci_builder.build.evaluate.step import title
from ci_builder.dockerfile.instructions.workdir import Workdir
from ci_builder.values import replace


def evaluate_workdir(state: State, workdir: Workdir) -> tuple[State, Step]:
    """A relative path counts from the working directory before. Every path but ``/`` makes a layer, if
    an empty one. The config has the path cleaned, as BuildKit since 0.12 (NormalizeWorkdir)."""
    path = clean(posixpath.join(state.cwd, state.expand(workdir.path, workdir.line)))
    state = replace(state, run=replace(state.run, working_dir=path))
    actions = () if path == "/" else (MakeDirectory(path, state.run.user),)
    return state, Step(workdir.line.span, title(workdir.line), f"WORKDIR {path}", actions)
