"""The instructions that change the config of the image and nothing else."""

from __future__ import annotations

from ci_builder.build.action import Step
from ci_builder.build.evaluate.go_format import plain_words, quote_rune, quote_words
from ci_builder.build.evaluate.ports import parse_ports
from ci_builder.build.evaluate.signals import is_signal
from ci_builder.build.evaluate.state import State
from ci_builder.build.evaluate.step import config_step
from ci_builder.dockerfile.durations import format_duration
from ci_builder.dockerfile.instructions.cmd import Cmd
from ci_builder.dockerfile.instructions.entrypoint import Entrypoint
from ci_builder.dockerfile.instructions.expose import Expose
from ci_builder.dockerfile.instructions.healthcheck import HealthCheck
from ci_builder.dockerfile.instructions.label import Label
from ci_builder.dockerfile.instructions.maintainer import Maintainer
from ci_builder.dockerfile.instructions.onbuild import OnBuild
from ci_builder.dockerfile.instructions.shell import Shell
from ci_builder.dockerfile.instructions.shell_form import Command
from ci_builder.dockerfile.instructions.stopsignal import StopSignal
from ci_builder.dockerfile.instructions.user import User
from ci_builder.dockerfile.instructions.volume import Volume
from ci_builder.dockerfile.words import Rules
from ci_builder.oci.config import Healthcheck as HealthcheckConfig
from ci_builder.values import replace


def evaluate_label(state: State, label: Label) -> tuple[State, Step]:
    """LABEL."""
    pairs = [(state.expand(name, label.line), state.expand(value, label.line)) for name, value in label.pairs]
    labels = dict(state.run.labels)
    labels.update(pairs)
    created_by = "LABEL " + " ".join(f"{name}={value}" for name, value in pairs)
    state = replace(state, run=replace(state.run, labels=tuple(labels.items())))
    return state, config_step(label.line, created_by)


def evaluate_user(state: State, user: User) -> tuple[State, Step]:
    """USER."""
    name = state.expand(user.user, user.line)
    return replace(state, run=replace(state.run, user=name)), config_step(user.line, f"USER {name}")


def evaluate_volume(state: State, volume: Volume) -> tuple[State, Step]:
    """VOLUME; the paths are kept as they are."""
    paths = [state.expand(path, volume.line) for path in volume.paths]
    if not all(paths):
        raise volume.line.error("VOLUME specified can not be an empty string")
    volumes = tuple(sorted({*state.run.volumes, *paths}))
    state = replace(state, run=replace(state.run, volumes=volumes))
    return state, config_step(volume.line, f"VOLUME {plain_words(paths)}")


def evaluate_expose(state: State, expose: Expose) -> tuple[State, Step]:
    """EXPOSE; a variable may hold several ports."""
    rules = Rules(escape=expose.line.escape)
    ports: set[str] = set()
    for text in expose.ports:
        for word in state.expansion(text, expose.line, rules).words:
            try:
                ports.update(parse_ports(word))
            except ValueError as error:
                raise expose.line.error(str(error)) from error
    shown = " ".join(f"{port}:{{}}" for port in sorted(ports))
    exposed = tuple(sorted({*state.run.exposed_ports, *ports}))
    state = replace(state, run=replace(state.run, exposed_ports=exposed))
    return state, config_step(expose.line, f"EXPOSE map[{shown}]")


def evaluate_stopsignal(state: State, stop: StopSignal) -> tuple[State, Step]:
    """STOPSIGNAL."""
    signal = state.expand(stop.signal, stop.line)
    if not is_signal(signal):
        raise stop.line.error(f"invalid signal: {signal}", hint="for example SIGTERM, TERM or 15")
    return replace(state, run=replace(state.run, stop_signal=signal)), config_step(
        stop.line, f"STOPSIGNAL {signal}"
    )


def evaluate_shell(state: State, shell: Shell) -> tuple[State, Step]:
    """SHELL."""
    state = replace(state, run=replace(state.run, shell=shell.words))
    return state, config_step(shell.line, f"SHELL {plain_words(shell.words)}")


def evaluate_cmd(state: State, cmd: Cmd) -> tuple[State, Step]:
    """CMD. ArgsEscaped is set as BuildKit does it, on Linux too."""
    words = with_shell(state, cmd.command)
    extra = {**dict(state.run.extra), "ArgsEscaped": True}
    state = replace(
        state, run=replace(state.run, cmd=words or None, extra=tuple(extra.items())), cmd_set=True
    )
    return state, config_step(cmd.line, f"CMD {quote_words(words)}")


def evaluate_entrypoint(state: State, entrypoint: Entrypoint) -> tuple[State, Step]:
    """ENTRYPOINT. A CMD that was only inherited goes: it was meant for another entry point."""
    words = with_shell(state, entrypoint.command)
    cmd = state.run.cmd if state.cmd_set else None
    state = replace(state, run=replace(state.run, entrypoint=words or None, cmd=cmd))
    return state, config_step(entrypoint.line, f"ENTRYPOINT {quote_words(words)}")


def evaluate_healthcheck(state: State, check: HealthCheck) -> tuple[State, Step]:
    """HEALTHCHECK. The test of the shell form is run by docker's CMD-SHELL, not by SHELL."""
    if check.command is None:
        test: tuple[str, ...] = ("NONE",)
    else:
        test = ("CMD-SHELL" if check.command.shell else "CMD", *check.command.words)
    times = (check.interval, check.timeout, check.start_period)
    found = HealthcheckConfig(test, *times, start_interval=check.start_interval, retries=check.retries)
    shown = [f'"{format_duration(time)}"' for time in times]
    if check.start_interval:
        shown.append(f'"{format_duration(check.start_interval)}"')
    created_by = f"HEALTHCHECK &{{{quote_words(test)} {' '.join(shown)} {quote_rune(check.retries)}}}"
    return replace(state, run=replace(state.run, healthcheck=found)), config_step(check.line, created_by)


def evaluate_maintainer(state: State, maintainer: Maintainer) -> tuple[State, Step]:
    """MAINTAINER."""
    step = config_step(maintainer.line, f"MAINTAINER {maintainer.author}")
    return replace(state, author=maintainer.author), step


def evaluate_onbuild(state: State, onbuild: OnBuild) -> tuple[State, None]:
    """ONBUILD: kept for the images built on this one; it leaves no history line."""
    triggers = (*state.run.onbuild, onbuild.trigger)
    return replace(state, run=replace(state.run, onbuild=triggers)), None


def with_shell(state: State, command: Command) -> tuple[str, ...]:
    """The words to execute: the shell form is given to SHELL."""
    return (*state.shell, *command.words) if command.shell else command.words
