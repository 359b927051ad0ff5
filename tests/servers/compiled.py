"""This project's sources, compiled: for starts where nothing can be written beside them."""

from __future__ import annotations

import compileall
import contextlib
import hashlib
import os
import py_compile
import shutil
import tempfile
import time
from functools import lru_cache
from pathlib import Path

from tests.compare.builders import ROOT
from tests.servers.bases import cache_folder

_SHOWN = ("ci_builder", "examples")
_OLD = 24 * 60 * 60  # seconds


@lru_cache(maxsize=1)
def compiled_source() -> Path:
    """A folder that every user can read, with what the command line needs of the checkout and its bytecode:
    to compile it is a third of each start. Made once for each state of the sources."""
    known = _digest()
    made = cache_folder() / f"compiled-{known}"
    if not made.exists():
        cache_folder().mkdir(parents=True, exist_ok=True)
        for old in cache_folder().glob("compiled-*"):
            with contextlib.suppress(FileNotFoundError):
                if time.time() - old.stat().st_mtime > _OLD:
                    shutil.rmtree(old, ignore_errors=True)
        folder = Path(tempfile.mkdtemp(prefix="making-", dir=cache_folder()))
        for name in _SHOWN:
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
        compileall.compile_dir(folder, quiet=2, stripdir=str(folder), invalidation_mode=mode)
        folder.chmod(0o755)
        try:
            os.rename(folder, made)
        except OSError:
            # Another process of the tests was first.
            shutil.rmtree(folder)
    os.utime(made)  # it is in use
    return made


def _digest() -> str:
    content = hashlib.sha256()
    for name in _SHOWN:
        for path in sorted((ROOT / name).rglob("*")):
            if path.is_file() and path.suffix != ".pyc":
                content.update(f"{path.relative_to(ROOT)}\0{path.stat().st_size}\0".encode())
                content.update(path.read_bytes())
    return content.hexdigest()[:16]
