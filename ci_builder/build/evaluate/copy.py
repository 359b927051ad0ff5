"""COPY and ADD."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ci_builder.build.action import Action, CopyFiles, Fetch, InlineFile, Step
from ci_builder.build.evaluate import paths
from ci_builder.build.evaluate.state import State
from ci_builder.build.evaluate.step import layer_step
from ci_builder.dockerfile.instructions.add import Add
from ci_builder.dockerfile.instructions.copy import Copy
from ci_builder.dockerfile.reader import Line
from ci_builder.dockerfile.words import Rules
from ci_builder.errors import InvalidValue, UnsupportedSyntax
from ci_builder.oci.digest import Digest

_BODY = Rules(quoting=False)
_GIT = re.compile(r"git://.*|ssh://.*|[\w.-]+@[\w.-]+:.*|https?://[^?#]*\.git(?:[?#].*)?")
_SYMBOLIC = re.compile(r"[ugoa]*[-+=].*")


@dataclass(frozen=True, slots=True)
class _Expanded:
    line: Line
    sources: tuple[str, ...]
    inline: tuple[InlineFile, ...]
    written: str
    destination: str
    owner: str
    mode: str

    def history(self) -> str:
        # dockerd 20.10 leaves the flags out.
        marks = [f"<<{item.name}" for item in self.inline]
        return " ".join((self.line.keyword.upper(), *self.sources, *marks, self.written))


def evaluate_copy(state: State, copy: Copy) -> tuple[State, Step]:
    """COPY."""
    expanded = _expand(state, copy)
    for source in expanded.sources:
        if source.startswith(("http://", "https://")) or _GIT.fullmatch(source):
            raise copy.line.error(f"the source {source} can't be a URL for COPY", hint="ADD downloads")
    action = _copy(expanded, expanded.sources, expanded.inline, copy.origin)
    return state, layer_step(copy.line, expanded.history(), (action,))


def evaluate_add(state: State, add: Add) -> tuple[State, Step]:
    """ADD: local archives are unpacked, URLs are downloaded, in the order of the line."""
    expanded = _expand(state, add)
    checksum = _checksum(state, add, expanded.sources)
    actions: list[Action] = []
    local: list[str] = []
    for source in expanded.sources:
        if not source.startswith(("http://", "https://")):
            local.append(source)
            continue
        if local:
            actions.append(_copy(expanded, tuple(local), (), "", unpack=True))
            local = []
        actions.append(Fetch(source, expanded.destination, expanded.owner, expanded.mode, checksum))
    if local or expanded.inline:
        actions.append(_copy(expanded, tuple(local), expanded.inline, "", unpack=True))
    return state, layer_step(add.line, expanded.history(), tuple(actions))


def _copy(
    expanded: _Expanded,
    sources: tuple[str, ...],
    inline: tuple[InlineFile, ...],
    origin: str,
    *,
    unpack: bool = False,
) -> CopyFiles:
    return CopyFiles(
        origin=origin,
        sources=tuple(paths.source(item) for item in sources),
        inline=inline,
        destination=expanded.destination,
        owner=expanded.owner,
        mode=expanded.mode,
        unpack=unpack,
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
    if isinstance(instruction, Add):
        _check_git(line, sources)
    written = state.expand(instruction.sources.destination, line)
    destination = paths.destination(written, state.cwd)
    if len(sources) + len(inline) > 1 and not destination.endswith("/"):
        raise line.error(
            f"{line.keyword.upper()} of more than one source needs a directory as its destination",
            hint=f"end it with a slash: {written}/",
        )
    return _Expanded(
        line=line,
        sources=sources,
        inline=tuple(inline),
        written=written,
        destination=destination,
        owner=state.expand(instruction.owner, line),
        mode=_mode(line, state.expand(instruction.mode, line)),
    )


def _check_git(line: Line, sources: tuple[str, ...]) -> None:
    for source in sources:
        if _GIT.fullmatch(source):
            raise UnsupportedSyntax(
                f"ADD of a git repository ({source}) is not supported yet", source=line.source, span=line.span
            )


def _mode(line: Line, mode: str) -> str:
    if not mode or re.fullmatch(r"0*[0-7]{1,4}", mode):
        return mode
    if _SYMBOLIC.fullmatch(mode):
        raise UnsupportedSyntax(
            f"symbolic permissions (--chmod={mode}) are not supported yet",
            source=line.source,
            span=line.span,
            hint="write them in octal, for example --chmod=755",
        )
    raise line.error(f"invalid --chmod {mode!r}", hint="it is an octal number from 0 to 7777")


def _checksum(state: State, add: Add, sources: tuple[str, ...]) -> str:
    checksum = state.expand(add.checksum, add.line)
    if not checksum:
        return ""
    if len(sources) != 1 or add.sources.heredocs:
        raise add.line.error("checksum can't be specified for multiple sources")
    if not sources[0].startswith(("http://", "https://")):
        raise add.line.error("checksum requires a source of HTTP(S)")
    try:
        return str(Digest.parse(checksum))
    except InvalidValue as error:
        raise add.line.error(f"--checksum: {error}") from error
