"""The stages of a Dockerfile as people choose among them: what ``--call=targets`` lists."""

from __future__ import annotations

from ci_builder.dockerfile.dockerfile import Dockerfile
from ci_builder.values import dataclass


@dataclass(frozen=True, slots=True)
class Target:
    """A stage. ``name`` is its number where it has no name (``--target`` takes both), ``description`` the
    rest of the comment right above its FROM that begins with its name, ``base`` as written."""

    name: str
    description: str
    base: str
    default: bool


def targets(dockerfile: Dockerfile) -> tuple[Target, ...]:
    """Every stage, in the order of the file."""
    last = dockerfile.stages[-1].index
    return tuple(
        Target(
            stage.name or str(stage.index),
            description_of(stage.base.line.comments, stage.name),
            stage.base.base,
            stage.index == last,
        )
        for stage in dockerfile.stages
    )


def description_of(comments: tuple[str, ...], name: str) -> str:
    """What the comments above an instruction say of what it names: the rest of the one that begins with that
    name, in any case, and those below it."""
    for number, comment in enumerate(comments):
        first, _, rest = comment.partition(" ")
        if name and first.lower() == name.lower():
            return " ".join([rest, *comments[number + 1 :]]).strip()
    return ""
