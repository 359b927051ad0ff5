"""The small files that tell a pipeline what was built: --iidfile, --metadata-file, kaniko's digest files."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

from ci_builder.ci.told import metadata
from ci_builder.errors import OutputError
from ci_builder.oci.reference import Reference
from ci_builder.request import Request, Result


def check_result_files(request: Request) -> None:
    """Fail before the build where a file could not be written after it. Raises OutputError."""
    for path in _paths(request):
        try:
            why = _obstacle(path, makes_folder=path in _with_folder(request))
        except OSError as error:
            raise OutputError(f"{path} cannot be written: {error.strerror}") from error
        if why:
            raise OutputError(f"{path} cannot be written: {why}")


def write_result_files(request: Request, result: Result) -> None:
    """Write those that ``request`` asks for. Raises OutputError."""
    names = [Reference.parse(tag) for tag in result.tags]
    contents: list[tuple[Path | None, str]] = [
        (request.iid_file, result.image_id),
        (request.metadata_file, json.dumps(metadata(result), indent=2) + "\n"),
        (request.digest_file, result.digest),
        (request.name_digest_file, "".join(f"{name.name}@{result.digest}\n" for name in names)),
        (
            request.name_tag_digest_file,
            "".join(f"{name.name}:{name.tag}@{result.digest}\n" for name in names),
        ),
    ]
    for path, text in contents:
        if path is not None:
            if path in _with_folder(request):
                _make_folder(path.parent)
            _write(path, text)


def _with_folder(request: Request) -> tuple[Path | None, ...]:
    """Those whose folder is made when it is not there, as kaniko does."""
    return request.digest_file, request.name_digest_file, request.name_tag_digest_file


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"the folder {folder} cannot be made: {error.strerror}") from error


def _obstacle(path: Path, *, makes_folder: bool) -> str:
    """Why the file cannot be written, empty if it can be. Raises OSError where it cannot be looked at."""
    folder = path.parent
    while makes_folder and not os.path.lexists(folder):
        folder = folder.parent
    try:
        there, kind = True, path.stat().st_mode
    except FileNotFoundError:
        there, kind = False, 0
    if stat.S_ISDIR(kind):
        return "it is a folder"
    if not there and not _is_folder(folder):
        return "there is no such folder"
    may_write = os.access(path, os.W_OK) if there else os.access(folder, os.W_OK | os.X_OK)
    return "" if may_write else "permission denied"


def _is_folder(path: Path) -> bool:
    try:
        return stat.S_ISDIR(path.stat().st_mode)
    except FileNotFoundError:
        return False


def _paths(request: Request) -> list[Path]:
    paths = (
        request.iid_file,
        request.metadata_file,
        request.digest_file,
        request.name_digest_file,
        request.name_tag_digest_file,
    )
    return [path for path in paths if path is not None]


def _write(path: Path, text: str) -> None:
    try:
        # It was there before the build; a build in place may have replaced everything around it.
        path.absolute().parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror}") from error
