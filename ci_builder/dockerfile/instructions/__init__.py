"""The instructions: one file and one frozen class for each, made of a Line by its ``parse``.

They hold what is written, not expanded: what it means depends on the state, see build/evaluate.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from ci_builder.dockerfile.instructions.add import Add
from ci_builder.dockerfile.instructions.arg import Arg
from ci_builder.dockerfile.instructions.cmd import Cmd
from ci_builder.dockerfile.instructions.copy import Copy
from ci_builder.dockerfile.instructions.entrypoint import Entrypoint
from ci_builder.dockerfile.instructions.env import Env
from ci_builder.dockerfile.instructions.expose import Expose
from ci_builder.dockerfile.instructions.from_ import From
from ci_builder.dockerfile.instructions.healthcheck import HealthCheck
from ci_builder.dockerfile.instructions.label import Label
from ci_builder.dockerfile.instructions.maintainer import Maintainer
from ci_builder.dockerfile.instructions.names import check_known
from ci_builder.dockerfile.instructions.onbuild import OnBuild
from ci_builder.dockerfile.instructions.run import Run
from ci_builder.dockerfile.instructions.shell import Shell
from ci_builder.dockerfile.instructions.stopsignal import StopSignal
from ci_builder.dockerfile.instructions.user import User
from ci_builder.dockerfile.instructions.volume import Volume
from ci_builder.dockerfile.instructions.workdir import Workdir
from ci_builder.dockerfile.reader import Line

# fmt: off
Instruction = (
    Add | Arg | Cmd | Copy | Entrypoint | Env | Expose | HealthCheck | Label | Maintainer | OnBuild | Run
    | Shell | StopSignal | User | Volume | Workdir
)
# fmt: on

__all__ = [
    "Add",
    "Arg",
    "Cmd",
    "Copy",
    "Entrypoint",
    "Env",
    "Expose",
    "From",
    "HealthCheck",
    "Instruction",
    "Label",
    "Maintainer",
    "OnBuild",
    "Run",
    "Shell",
    "StopSignal",
    "User",
    "Volume",
    "Workdir",
    "parse_instruction",
]

_PARSERS: Mapping[str, Callable[[Line], Instruction | From]] = MappingProxyType(
    {
        "add": Add.parse,
        "arg": Arg.parse,
        "cmd": Cmd.parse,
        "copy": Copy.parse,
        "entrypoint": Entrypoint.parse,
        "env": Env.parse,
        "expose": Expose.parse,
        "from": From.parse,
        "healthcheck": HealthCheck.parse,
        "label": Label.parse,
        "maintainer": Maintainer.parse,
        "onbuild": OnBuild.parse,
        "run": Run.parse,
        "shell": Shell.parse,
        "stopsignal": StopSignal.parse,
        "user": User.parse,
        "volume": Volume.parse,
        "workdir": Workdir.parse,
    }
)


def parse_instruction(line: Line) -> Instruction | From:
    """The instruction that ``line`` is. Raises DockerfileError, UnsupportedSyntax."""
    check_known(line, line.keyword.upper())
    return _PARSERS[line.keyword](line)
