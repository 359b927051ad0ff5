"""``evaluate``: finds the meaning of an instruction by its class."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from ci_builder.build.action import Step
from ci_builder.build.evaluate import arguments, config, copy, run, workdir
from ci_builder.build.evaluate.state import State
from ci_builder.dockerfile import instructions as dockerfile
from ci_builder.dockerfile.instructions import Instruction

_Evaluator = Callable[[State, Any], tuple[State, Step | None]]

_EVALUATORS: Mapping[type, _Evaluator] = MappingProxyType(
    {
        dockerfile.Add: copy.evaluate_add,
        dockerfile.Arg: arguments.evaluate_arg,
        dockerfile.Cmd: config.evaluate_cmd,
        dockerfile.Copy: copy.evaluate_copy,
        dockerfile.Entrypoint: config.evaluate_entrypoint,
        dockerfile.Env: arguments.evaluate_env,
        dockerfile.Expose: config.evaluate_expose,
        dockerfile.HealthCheck: config.evaluate_healthcheck,
        dockerfile.Label: config.evaluate_label,
        dockerfile.Maintainer: config.evaluate_maintainer,
        dockerfile.OnBuild: config.evaluate_onbuild,
        dockerfile.Run: run.evaluate_run,
        dockerfile.Shell: config.evaluate_shell,
        dockerfile.StopSignal: config.evaluate_stopsignal,
        dockerfile.User: config.evaluate_user,
        dockerfile.Volume: config.evaluate_volume,
        dockerfile.Workdir: workdir.evaluate_workdir,
    }
)


def evaluate(state: State, instruction: Instruction) -> tuple[State, Step | None]:
    """The state after ``instruction``, and what is to be done; None when it leaves neither layer nor
    history (ONBUILD). Raises DockerfileError, UnsupportedSyntax."""
    return _EVALUATORS[type(instruction)](state, instruction)
