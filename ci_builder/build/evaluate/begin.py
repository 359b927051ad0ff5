"""FROM: the state that a stage begins with."""

from __future__ import annotations

from ci_builder.build.evaluate.settings import Settings
from ci_builder.build.evaluate.state import State
from ci_builder.oci.config import ImageConfig, RunConfig
from ci_builder.values import replace

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def begin(base: ImageConfig, settings: Settings) -> State:
    """The state on top of an image. One without any layer and config is scratch; it starts in ``/``.

    PATH is set where the base has none. The base's ONBUILD triggers are not in the new image: they are
    instructions of this stage (see plan). Of the keys that are in no specification (docker's classic
    builder left ``Hostname``, ``Tty`` and so on) only ArgsEscaped stays, as with BuildKit.
    """
    env = base.run.env
    if all(name != "PATH" for name, _ in env):
        env = (*env, ("PATH", DEFAULT_PATH))
    extra = tuple((key, value) for key, value in base.run.extra if key == "ArgsEscaped")
    scratch = not base.diff_ids and base.run == RunConfig()
    working_dir = "/" if scratch else base.run.working_dir
    run = replace(base.run, env=env, working_dir=working_dir, onbuild=(), extra=extra)
    return State(settings, run, base.author, tuple(dict(env).items()))


def begin_from_stage(below: State) -> State:
    """The state on top of another stage, whose ARGs stay in scope (Dockerfile reference, "Scope"), though
    dockerd 20.10 does not show them in the history of this one. ENV is set anew, and so wins."""
    anew = dict(below.run.env)
    env = (*(item for item in below.env if item[0] not in anew), *anew.items())
    return replace(below, run=replace(below.run, onbuild=()), env=env, args=(), cmd_set=False)
