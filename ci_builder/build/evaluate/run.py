"""RUN."""

from __future__ import annotations

import itertools
import posixpath
from collections.abc import Iterator

from ci_builder.build.action import RunCommand, Step
from ci_builder.build.evaluate.config import with_shell
from ci_builder.build.evaluate.paths import clean
from ci_builder.build.evaluate.state import State
from ci_builder.build.evaluate.step import layer_step
from ci_builder.dockerfile.heredocs import parse_mark
from ci_builder.dockerfile.instructions.run import Run
from ci_builder.dockerfile.instructions.run_mount import RunMount, parse_mount
from ci_builder.dockerfile.instructions.shell_form import Command
from ci_builder.values import replace

_SCRIPTS = "/dev/pipes/"

_Files = tuple[tuple[str, bytes, int], ...]


def evaluate_run(state: State, run: Run) -> tuple[State, Step]:
    """The environment is ENV and ARG; the proxy build args win, as in BuildKit. HOME is left to whoever runs
    the command: it comes from the root's passwd file when nothing sets it."""
    command, files = _with_heredocs(run)
    argv = with_shell(state, command)
    if not argv[0]:
        raise run.line.error("the program to be run has no name")
    mounts = tuple(sorted(_mounts(state, run), key=_order))
    commands = state.settings.commands
    action = RunCommand(
        argv,
        state.env,
        clean(state.cwd),
        state.run.user,
        run.network or commands.network,
        files,
        mounts,
        tuple(sorted(commands.limits, key=lambda limit: limit.name)),
        commands.seconds,
        state.settings.proxies,
    )
    shown = " ".join((*_declared(state), *argv))
    return state, layer_step(run.line, f"RUN {shown}", (action,), _remark(run))


def _mounts(state: State, run: Run) -> Iterator[RunMount]:
    """With absolute targets; an agent's socket has a default one, by its number."""
    agents = itertools.count()
    for text in run.mounts:
        mount = parse_mount(run.line, text, lambda value: state.expand(value, run.line))
        target = mount.target
        if mount.kind == "ssh":
            number = next(agents)
            target = target or f"/run/buildkit/ssh_agent.{number}"
        if target:
            target = clean(posixpath.join(state.cwd, target))
        if target == "/":
            raise run.line.error(f"--mount={text}: nothing can be mounted over the root directory")
        yield replace(mount, target=target, id=mount.id or target)


def _order(mount: RunMount) -> tuple[bool, str]:
    """One in another comes after it, however the line has them; secrets and agents come last (BuildKit, the
    marshalling of ExecOp)."""
    last = mount.kind in ("secret", "ssh")
    return last, "" if last else mount.target


def _declared(state: State) -> tuple[str, ...]:
    """``|2 A=1 B=2``: the ARGs in scope with the values that the command sees."""
    if not state.args:
        return ()
    variables = state.variables
    values = [f"{name}={variables.get(name, value or '')}" for name, value in state.args]
    return (f"|{len(values)}", *values)


def _is_lone(run: Run) -> bool:
    return bool(run.line.heredocs) and parse_mark(run.command.words[0]) is not None


def _remark(run: Run) -> str:
    """The first line of a heredoc that stands alone."""
    if not _is_lone(run):
        return ""
    first, *more = run.line.heredocs[0].content.strip().splitlines() or [""]
    return f" ({first}{'...' if more else ''})"


def _with_heredocs(run: Run) -> tuple[Command, _Files]:
    """The command with its heredocs: one that stands alone is the script, or with ``#!`` a file of its
    own that is executed; others are put together again for the shell, which knows what to do."""
    line, command = run.line, run.command
    if not line.heredocs:
        return command, ()
    if not _is_lone(run):
        parts = (f"\n{item.content}{item.name}" for item in line.heredocs)
        return Command((command.words[0] + "".join(parts),), True), ()
    heredoc = line.heredocs[0]
    if not heredoc.body.startswith("#!"):
        return Command((heredoc.body,), True), ()
    if "/" in heredoc.name or heredoc.name in (".", "..") or "\0" in heredoc.name:
        raise line.error(f"{heredoc.name!r} cannot be the name of a script")
    path = _SCRIPTS + heredoc.name
    return Command((path,), True), ((path, heredoc.body.encode(), 0o755),)
