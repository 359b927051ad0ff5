"""FROM: the state that a stage begins with."""

from __future__ import annotations

from dataclasses import replace

from ci_builder.build.evaluate.settings import Settings
from ci_builder.build.evaluate.state import State
from ci_builder.oci.config import ImageConfig

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def begin(base: ImageConfig, settings: Settings) -> State:
    """The state on top of an image (``SCRATCH.config`` for scratch).

    PATH is set where the base has none. The base's ONBUILD triggers are not in the new image: they are
    instructions of this stage (see plan).
    """
    env = base.run.env
    if all(name != "PATH" for name, _ in env):
        env = (*env, ("PATH", DEFAULT_PATH))
    run = replace(base.run, env=env, onbuild=())
    return State(settings, run, base.author, tuple(dict(env).items()))


def begin_from_stage(below: State) -> State:
    """The state on top of another stage, whose ARGs stay in scope (Dockerfile reference, "Scope")."""
    return replace(below, run=replace(below.run, onbuild=()), cmd_set=False)
