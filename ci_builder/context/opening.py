"""From what the user wrote (a folder, ``-``, an archive, a URL, a repository) to a Context."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import BinaryIO

from ci_builder.context.context import Context, Place
from ci_builder.context.git import clone, is_git, parse_remote
from ci_builder.context.http import download, is_url, last_modified, without_userinfo
from ci_builder.context.ignore import parse
from ci_builder.context.inside import decode, inside, read_text
from ci_builder.errors import ContextError, Unsupported
from ci_builder.values import replace

IGNORE_FILE = ".dockerignore"
_OBJECT_STORES = ("s3://", "gs://", "azure://")


def open_context(text: str, sub_path: str, place: Place, *, keep_git: bool = False) -> Context:
    """The build context that ``text`` names, its part ``sub_path`` only if that is not empty.

    Nothing is left out yet: which .dockerignore counts depends on the Dockerfile (``read_dockerfile``).
    Raises ContextError, Unsupported.
    """
    context = _open(text, place, "the build context", keep_git)
    if not sub_path:
        return context
    return replace(context, root=_folder(inside(context.root, sub_path), f"{text}, {sub_path}"))


def open_named_context(name: str, text: str, place: Place) -> Context:
    """An additional build context (``--build-context name=text``), less what its own .dockerignore
    leaves out. Raises ContextError, Unsupported."""
    context = _open(text, place, f"the build context {name}", keep_git=False)
    return with_ignore(context, context.root / IGNORE_FILE)


def check_named_context(text: str, place: Place) -> None:
    """Whether what ``--build-context name=text`` names can be there, used or not; what is reached over the
    network is only looked at when it is used. Raises ContextError, Unsupported."""
    _refuse_object_stores(text, "the build context")
    path = place.directory / text
    if not (text == "-" or is_git(text) or is_url(text) or path.is_file()):
        _folder(path, text)


def with_ignore(context: Context, file: Path) -> Context:
    """``context`` without what ``file`` leaves out, if there is such a file. Raises ContextError."""
    if not file.exists():
        return context
    return replace(context, ignore=parse(read_text(file, file.name), file.name))


def _open(text: str, place: Place, name: str, keep_git: bool) -> Context:
    _refuse_object_stores(text, name)
    if text == "-":
        return replace(_from_stream(place.stdin, "standard input", place, name), from_stdin=True)
    if is_git(text):
        folder = _new_folder(place)
        remote = parse_remote(text, place.environment)
        moment = clone(remote, folder, keep_git=keep_git)
        return Context(name, _folder(inside(folder, remote.folder), text), unpacked=True, moment=moment)
    if is_url(text):
        with download(text, place.sessions) as answer:
            context = _from_stream(answer.stream, without_userinfo(text), place, name)
            said = last_modified(answer.headers)
            return context if said is None else replace(context, moment=said)
    return _from_path(place.directory / text, text, place, name)


def _refuse_object_stores(text: str, name: str) -> None:
    if text.startswith(_OBJECT_STORES):
        raise Unsupported(
            f"{name}: object stores are not supported: {text}",
            hint="download the archive in the job and give its path as the context, or - and pipe it",
        )


def _from_path(path: Path, text: str, place: Place, name: str) -> Context:
    try:
        if path.is_file():
            from ci_builder.context.archive import is_archive  # here: most contexts are folders

            with path.open("rb") as file:
                if is_archive(file.read(512)):
                    file.seek(0)
                    return _from_stream(file, text, place, name)
    except OSError as error:
        raise ContextError(f"{name} cannot be read: {text}: {error.strerror}") from error
    return Context(name, _folder(path, text))


def _from_stream(file: BinaryIO, source: str, place: Place, name: str) -> Context:
    from ci_builder.context.archive import Peekable, is_archive, unpack

    stream = Peekable(file)
    head = stream.peek()
    if not head:
        raise ContextError(f"{name}: {source} is empty")
    folder = _new_folder(place)
    if is_archive(head):
        moment = unpack(stream, folder, source)
        return Context(name, folder, unpacked=True, moment=moment)
    return Context(name, folder, unpacked=True, dockerfile=_text(stream.read((16 << 20) + 1), source))


def _text(data: bytes, source: str) -> str:
    text = decode(data, source)
    if "\0" in text:
        raise ContextError(f"{source} is neither a tar archive nor a Dockerfile")
    return text


def _new_folder(place: Place) -> Path:
    folder = Path(tempfile.mkdtemp(prefix="context-", dir=place.temporary)).resolve()
    # As any folder that is unpacked into: a mount shows it to users that are not root.
    folder.chmod(0o755)
    return folder


def _folder(path: Path, text: str) -> Path:
    try:
        real = path.resolve(strict=True)
        if real.is_dir():
            return real
    except (OSError, RuntimeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "its symbolic links go round in a circle"
        raise ContextError(f"there is no build context {text!r}: {reason}") from error
    raise ContextError(
        f"the build context {text!r} is no folder", hint="give its folder, and the file with -f"
    )
