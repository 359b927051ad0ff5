"""WORKDIR."""

from __future__ import annotations

import posixpath
from dataclasses import replace

from ci_builder.build.action import MakeDirectory, Step
from ci_builder.build.evaluate.paths import clean
from ci_builder.build.evaluate.state import State
from ci_builder.build.evaluate.step import title
from ci_builder.dockerfile.instructions.workdir import Workdir


def evaluate_workdir(state: State, workdir: Workdir) -> tuple[State, Step]:
    """A relative path counts from the working directory before. Every path but ``/`` makes a layer, if
    an empty one. The config keeps an absolute path as it is written."""
    written = state.expand(workdir.path, workdir.line)
    absolute = written.startswith("/")
    path = written if absolute else clean(posixpath.join(state.cwd, written))
    state = replace(state, run=replace(state.run, working_dir=path))
    cleaned = clean(path)
    actions = () if cleaned == "/" else (MakeDirectory(cleaned, state.run.user),)
    return state, Step(workdir.line.span, title(workdir.line), f"WORKDIR {path}", actions)
