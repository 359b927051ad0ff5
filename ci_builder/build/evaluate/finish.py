"""The end of a build: what the Request adds to the image."""

from __future__ import annotations

from ci_builder.build.evaluate.state import State
from ci_builder.values import replace


def finish(state: State, labels: tuple[tuple[str, str], ...]) -> State:
    """The state of the target with the labels of --label, which win over LABEL and leave no history."""
    merged = dict(state.run.labels)
    merged.update(labels)
    return replace(state, run=replace(state.run, labels=tuple(merged.items())))
