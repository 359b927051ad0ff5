"""Finding and reading the Dockerfile, and the .dockerignore that goes with it."""

from __future__ import annotations

from pathlib import Path

from ci_builder.context.context import Context, Place
from ci_builder.context.http import download, is_url, without_userinfo
from ci_builder.context.inside import decode, inside, read_text
from ci_builder.context.opening import IGNORE_FILE, with_ignore
from ci_builder.errors import ContextError, UsageError
from ci_builder.patterns import pattern
from ci_builder.span import Source

_LIKE = pattern(r"(?i)dockerfile|containerfile")

_LARGEST = (16 << 20) + 1


def read_dockerfile(file: str, context: Context, place: Place) -> tuple[Source, Context]:
    """The Dockerfile that ``file`` (``-f``) means for ``context``, and the context less what is ignored.

    Empty: ``Dockerfile`` (or ``dockerfile``) in the context. ``-``: standard input. A relative path counts
    from the working directory, then from the context; with an archive or a repository from its root.
    ``NAME.dockerignore`` beside the Dockerfile wins over ``.dockerignore`` in the context.
    Raises ContextError, UsageError.
    """
    general = context.root / IGNORE_FILE
    if file == "-":
        if context.from_stdin:
            raise UsageError("standard input cannot be both the context and the Dockerfile")
        return Source("Dockerfile", _from_stdin(place)), with_ignore(context, general)
    if context.dockerfile:
        if file:
            raise UsageError(f"the context is a Dockerfile itself: there is no {file!r} in it")
        return Source("Dockerfile", context.dockerfile), context
    if is_url(file):
        with download(file, place.sessions) as answer:
            text = decode(answer.stream.read(_LARGEST), without_userinfo(file))
        return Source(without_userinfo(file), text), with_ignore(context, general)
    path, shown = _find(file, context, place)
    own = path.with_name(path.name + IGNORE_FILE)
    source = Source(shown, read_text(path, "the Dockerfile"))
    return source, with_ignore(context, own if own.exists() else general)


def _from_stdin(place: Place) -> str:
    text = decode(place.stdin.read(_LARGEST), "the Dockerfile on standard input")
    if not text:
        raise ContextError("the Dockerfile on standard input is empty")
    return text


def _find(file: str, context: Context, place: Place) -> tuple[Path, str]:
    candidates = _candidates(file, context, place)
    for path, shown in candidates:
        if path.is_file() or (path.exists() and not path.is_dir()):
            return path, shown
    raise ContextError(_not_there(file, context, place), hint=_similar(candidates, context))


def _not_there(file: str, context: Context, place: Place) -> str:
    if Path(file).is_absolute():
        return f"there is no {file}"
    looked = [context.root] if not file else [place.directory, context.root]
    where = " and ".join(dict.fromkeys(map(str, looked)))
    if context.unpacked:
        where = "the root of the context"
    return f"there is no {file or 'Dockerfile'} in {where}"


def _candidates(file: str, context: Context, place: Place) -> list[tuple[Path, str]]:
    if not file:
        return [(inside_or_plain(context, name), name) for name in ("Dockerfile", "dockerfile")]
    if Path(file).is_absolute() or context.unpacked:
        path = Path(file) if Path(file).is_absolute() else inside(context.root, file)
        return [(path, file)]
    return [(place.directory / file, file), (context.root / file, file)]


def inside_or_plain(context: Context, name: str) -> Path:
    """``name`` in the context: never outside of an unpacked one, whose links are not the user's own."""
    return inside(context.root, name) if context.unpacked else context.root / name


def _similar(candidates: list[tuple[Path, str]], context: Context) -> str:
    folders = dict.fromkeys([*(path.parent for path, _ in candidates), context.root])
    found = []
    for folder in folders:
        if folder.is_dir():
            names = sorted(path.name for path in folder.iterdir() if _LIKE.search(path.name))
            found += [name for name in names if not name.endswith(IGNORE_FILE)]
    return f"there is {', '.join(dict.fromkeys(found))}: name it, if that is meant" if found else ""
