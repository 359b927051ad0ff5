"""COPY and ADD."""

from __future__ import annotations

from ci_builder.build.action import Action, Clone, CopyFiles, Fetch, InlineFile, Step
from ci_builder.build.copy.permissions import parse_mode
from ci_builder.build.evaluate import add_sources, paths
from ci_builder.build.evaluate.state import State
from ci_builder.build.evaluate.step import layer_step
from ci_builder.context.ignore import of_patterns
from ci_builder.dockerfile.instructions.add import Add
from ci_builder.dockerfile.instructions.copy import Copy
from ci_builder.dockerfile.reader import Line
from ci_builder.dockerfile.words import Rules
from ci_builder.errors import ContextError, InvalidValue
from ci_builder.untrusted import without_passwords
from ci_builder.values import dataclass

_BODY = Rules(quoting=False)


@dataclass(frozen=True, slots=True)
class _Expanded:
    line: Line
    sources: tuple[str, ...]
    inline: tuple[InlineFile, ...]
    written: str
    destination: str
    owner: str
    mode: str
    excludes: tuple[str, ...]
    linked: bool

    def step(self, actions: tuple[Action, ...], *, parents: bool = False) -> Step:
        """The step, with the flags that BuildKit writes to the history."""
        flags = ["--parents"] if parents else []
        flags += [f"--chown={self.owner}"] if self.owner else []
        flags += [f"--chmod={self.mode}"] if self.mode else []
        marks = [f"<<{item.name}" for item in self.inline]
        sources = map(without_passwords, self.sources)
        created_by = " ".join((self.line.keyword.upper(), *flags, *sources, *marks, self.written))
        return layer_step(self.line, created_by, actions, linked=self.linked)

    def files(self, sources: tuple[str, ...], inline: tuple[InlineFile, ...], origin: str) -> CopyFiles:
        """Those of ``sources`` and ``inline`` that are to be copied."""
        return CopyFiles(
            origin=origin,
            sources=tuple(paths.source(item) for item in sources),
            inline=inline,
            destination=self.destination,
            owner=self.owner,
            mode=self.mode,
            excludes=self.excludes,
        )


def evaluate_copy(state: State, copy: Copy) -> tuple[State, Step]:
    """COPY."""
    expanded = _expand(state, copy)
    for source in expanded.sources:
        if add_sources.is_remote(source):
            shown = without_passwords(source)
            raise copy.line.error(f"the source {shown} can't be a URL for COPY", hint="ADD downloads")
    if copy.parents:
        pairs = tuple(paths.pivoted(item) for item in expanded.sources)
        action = expanded.files(tuple(root for root, _ in pairs), expanded.inline, copy.origin)
        action = action.with_parents(tuple(below for _, below in pairs))
    else:
        action = expanded.files(expanded.sources, expanded.inline, copy.origin)
    return state, expanded.step((action,), parents=copy.parents)


def evaluate_add(state: State, add: Add) -> tuple[State, Step]:
    """ADD: local archives are unpacked, URLs are downloaded, repositories cloned, in the order of the
    line."""
    expanded = _expand(state, add)
    choices = add_sources.choose(add, expanded.sources, state.expand(add.checksum, add.line))
    actions: list[Action] = []
    local: list[str] = []
    for source in expanded.sources:
        if not (choices.is_git(source) or add_sources.is_remote(source)):
            local.append(source)
            continue
        if local:
            actions.append(expanded.files(tuple(local), (), "").unpacking(choices.unpack_files))
            local = []
        actions.append(_remote(expanded, source, choices))
    if local or expanded.inline:
        files = expanded.files(tuple(local), expanded.inline, "")
        actions.append(files.unpacking(choices.unpack_files))
    return state, expanded.step(tuple(actions))


def _remote(expanded: _Expanded, source: str, choices: add_sources.Choices) -> Action:
    target = (expanded.destination, expanded.owner, expanded.mode)
    if choices.is_git(source):
        return Clone(choices.repository(source), *target, excludes=expanded.excludes)
    return Fetch(
        source, *target, choices.checksum, unpack=choices.unpack_downloads, excludes=expanded.excludes
    )


def _expand(state: State, instruction: Copy | Add) -> _Expanded:
    line = instruction.line
    sources = tuple(state.expand(path, line) for path in instruction.sources.paths)
    inline = []
    for heredoc in instruction.sources.heredocs:
        body = state.expansion(heredoc.body, line, _BODY).text if heredoc.expand else heredoc.body
        inline.append(InlineFile(heredoc.name, body.encode("utf-8", "surrogateescape")))
    if not all(sources):
        raise line.error(f"a source of {line.keyword.upper()} is empty after expansion")
    written = state.expand(instruction.sources.destination, line)
    destination = paths.destination(written, state.cwd)
    if len(sources) + len(inline) > 1 and not destination.endswith("/"):
        text = f"{line.keyword.upper()} of more than one source needs a directory as its destination"
        commented = any(path.startswith("#") for path in sources)
        slash = f"end it with a slash: {written}/"
        raise line.error(text, hint="a comment needs a line of its own" if commented else slash)
    owner = state.expand(instruction.owner, line)
    mode = _mode(line, state.expand(instruction.mode, line))
    return _Expanded(
        line=line,
        sources=sources,
        inline=tuple(inline),
        written=written,
        destination=destination,
        owner=owner,
        mode=mode,
        excludes=_excludes(line, instruction.excludes),
        linked=_is_linked(line, instruction.link, owner, mode),
    )


def _mode(line: Line, mode: str) -> str:
    if mode:
        try:
            parse_mode(mode)
        except InvalidValue as error:
            raise line.error(f"invalid --chmod {mode!r}", hint=error.reason) from error
    return mode


def _excludes(line: Line, patterns: tuple[str, ...]) -> tuple[str, ...]:
    try:
        of_patterns(patterns)
    except (ContextError, InvalidValue) as error:
        raise line.error(f"--exclude: {error}") from error
    return patterns


def _is_linked(line: Line, link: bool, owner: str, mode: str) -> bool:
    # BuildKit makes no independent layer where --chmod is given: images rely on its following links then.
    if not link or mode:
        return False
    for name in filter(None, owner.split(":", 1)):
        if name != "root" and not (name.isascii() and name.isdigit()):
            raise line.error(
                f"--link cannot look the name {name!r} of --chown up: its layer does not know the image",
                hint="write --chown with numbers, or leave --link out",
            )
    return True
