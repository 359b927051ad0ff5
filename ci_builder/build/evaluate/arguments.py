"""ARG and ENV: the variables that instructions see."""

from __future__ import annotations

from ci_builder.build.action import Step
from ci_builder.build.evaluate.state import State
from ci_builder.build.evaluate.step import config_step
from ci_builder.build.special_args import ENVIRONMENT_FREE
from ci_builder.dockerfile.instructions.arg import Arg
from ci_builder.dockerfile.instructions.env import Env
from ci_builder.errors import DockerfileError
from ci_builder.values import replace


def evaluate_arg(state: State, arg: Arg) -> tuple[State, Step]:
    """A build arg wins over the default, the default over a global ARG of that name. An ARG without
    any value is declared and unset. The history line has the default, never what was given; a default that
    is not used may be one that cannot be expanded."""
    given = dict(state.settings.build_args)
    known = dict(state.settings.global_args)
    shown: list[str] = []
    for name, default in arg.args:
        written = _default(state, arg, default, used=name not in given)
        shown.append(name if written is None else f"{name}={written}")
        value = given.get(name, written)
        if value is None:
            value = known.get(name)
        if value is not None and name not in ENVIRONMENT_FREE:
            state = state.with_variable(name, value)
        state = state.with_arg(name, value)
    return state, config_step(arg.line, "ARG " + " ".join(shown))


def _default(state: State, arg: Arg, default: str | None, *, used: bool) -> str | None:
    if default is None:
        return None
    try:
        return state.expand(default, arg.line)
    except DockerfileError:
        if used:
            raise
        return None


def evaluate_env(state: State, env: Env) -> tuple[State, Step]:
    """All values see the variables from before the instruction."""
    pairs = [(state.expand(name, env.line), state.expand(value, env.line)) for name, value in env.pairs]
    image = dict(state.run.env)
    for name, value in pairs:
        image[name] = value
        state = state.with_variable(name, value)
    state = replace(state, run=replace(state.run, env=tuple(image.items())))
    return state, config_step(env.line, "ENV " + " ".join(f"{name}={value}" for name, value in pairs))
