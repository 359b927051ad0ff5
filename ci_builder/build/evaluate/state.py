"""The state of a stage between two instructions."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from ci_builder.build.evaluate.settings import Settings
from ci_builder.dockerfile.reader import Line
from ci_builder.dockerfile.words import PLAIN, Expansion, Rules, expand
from ci_builder.errors import InvalidValue
from ci_builder.oci.config import RunConfig
from ci_builder.values import dataclass, field, replace

_DEFAULT_SHELL = ("/bin/sh", "-c")


@dataclass(frozen=True, slots=True)
class State:
    """Everything that an instruction depends on and may change.

    run      the config of the image so far
    author   MAINTAINER, or the base's
    env      what instructions see: the image's ENV, and ARGs with a value, in the order of their last
             definition: the later one wins, whichever of the two it is
    args     the ARGs that this stage declared, as often as it did (None: without a value)
    cmd_set  whether CMD was given in this stage, not just inherited
    """

    settings: Settings
    run: RunConfig = field(default_factory=RunConfig)
    author: str = ""
    env: tuple[tuple[str, str], ...] = ()
    args: tuple[tuple[str, str | None], ...] = ()
    cmd_set: bool = False

    @property
    def variables(self) -> Mapping[str, str]:
        """``env`` to look names up in."""
        return MappingProxyType(dict(self.env))

    @property
    def cwd(self) -> str:
        """The working directory, absolute."""
        return self.run.working_dir or "/"

    @property
    def shell(self) -> tuple[str, ...]:
        """What the shell form of a command is run by."""
        return self.run.shell or _DEFAULT_SHELL

    def with_variable(self, name: str, value: str) -> State:
        """The same with an ENV or ARG that instructions see."""
        others = tuple(item for item in self.env if item[0] != name)
        return replace(self, env=(*others, (name, value)))

    def with_arg(self, name: str, value: str | None) -> State:
        """The same with a declared ARG."""
        return replace(self, args=(*self.args, (name, value)))

    def expand(self, text: str, line: Line) -> str:
        """``text`` with quotes and variables dealt with. Raises DockerfileError at ``line``."""
        return self.expansion(text, line, Rules(escape=line.escape)).text

    def expansion(self, text: str, line: Line, rules: Rules = PLAIN) -> Expansion:
        """The same under other rules. Raises DockerfileError at ``line``."""
        try:
            return expand(text, self.variables, rules)
        except InvalidValue as error:
            raise line.error(f"{text!r}: {error.reason}") from error
