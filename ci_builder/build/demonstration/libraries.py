"""Every file that a program of this machine needs to run, found as its loader finds them (ld.so(8))."""

from __future__ import annotations

import glob
from collections.abc import Iterator
from pathlib import Path

from ci_builder.build.demonstration.elf import Elf, read_elf
from ci_builder.errors import CiBuilderError, InvalidValue

_USUAL = ("/lib64", "/usr/lib64", "/lib", "/usr/lib", "/usr/local/lib")
_MOST_INCLUDES = 64


def needed_files(program: Path) -> list[Path]:
    """The loader and the libraries of ``program``, each where a loader with its default folders finds it.

    Raises InvalidValue when ``program`` is no ELF file, CiBuilderError naming a library that is nowhere.
    """
    first = read_elf(program)
    found: dict[str, Path] = {}
    folders = [*configured_folders(Path("/etc/ld.so.conf")), *_USUAL]
    if first.interpreter:
        loader = Path(first.interpreter)
        found[loader.name] = loader
        # A libc that is its own loader (musl) lies beside it.
        folders.append(str(loader.parent))
    waiting = [(program, first)]
    while waiting:
        path, elf = waiting.pop()
        for name in elf.needed:
            if name not in found:
                found[name] = _find(name, [*_own_folders(path, elf), *folders], elf.kind, path)
                waiting.append((found[name], read_elf(found[name])))
    return list(found.values())


def configured_folders(file: Path, depth: int = 0) -> Iterator[str]:
    """The folders that an ld.so.conf names, its includes followed."""
    if depth > 8 or not file.is_file():
        return
    for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
        words = line.partition("#")[0].split()
        if words[:1] == ["include"]:
            for pattern in words[1:]:
                for name in sorted(glob.glob(str(file.parent / pattern)))[:_MOST_INCLUDES]:
                    yield from configured_folders(Path(name), depth + 1)
        elif words:
            yield words[0]


def _own_folders(path: Path, elf: Elf) -> list[str]:
    origin = str(path.resolve().parent)
    return [item.replace("$ORIGIN", origin).replace("${ORIGIN}", origin) for item in elf.search]


def _find(name: str, folders: list[str], kind: tuple[int, int, int], asker: Path) -> Path:
    candidates = [Path(name)] if "/" in name else [Path(folder, name) for folder in folders]
    for candidate in candidates:
        try:
            if candidate.is_file() and read_elf(candidate).kind == kind:
                return candidate
        except (InvalidValue, OSError):
            continue  # Text files of the same name (linker scripts) and unreadable ones are none.
    raise CiBuilderError(f"the library {name}, which {asker} needs, is in none of: {', '.join(folders)}")
