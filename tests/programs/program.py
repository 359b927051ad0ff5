"""A real program that must run alike under every executor, and what may differ between two builds of it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.programs.bases import base
from tests.servers.bases import Base
from tests.servers.builder_image import certificates, index_arguments

CASES = Path(__file__).parent / "cases"


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """The Dockerfile and its context are the folder ``cases/name``; ``on`` is the base that it is FROM.

    ``excused`` says of paths (shell patterns, no leading slash) why their content is another in each
    build; everything else of them is compared. ``unsteady`` says of parts of the output (regular
    expressions) why they are. An excuse that fits nothing is a failure. ``unordered`` is the reason for
    which the order of the lines does not count. ``generate`` writes what is too big to be kept.
    """

    name: str
    on: str
    excused: Mapping[str, str] = field(default_factory=dict)
    unsteady: Mapping[str, str] = field(default_factory=dict)
    unordered: str = ""
    generate: Callable[[Path], None] | None = None

    @property
    def base(self) -> Base:
        """The base, made now if it is not kept."""
        return base(self.on)

    @property
    def dockerfile(self) -> str:
        """Its text."""
        return (CASES / self.name / "Dockerfile").read_text()


def lay_out(program: Program, folder: Path) -> list[str]:
    """Write the context into the new ``folder``; returns the build's further options."""
    shutil.copytree(CASES / program.name, folder)
    if program.generate is not None:
        program.generate(folder)
    if "company.pem" in program.dockerfile:
        shutil.copyfile(certificates(), folder / "company.pem")
    # As a checkout has them, whatever the umask was.
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.suffix == ".sh" else 0o644)
    return index_arguments() if "ARG PIP_INDEX_URL" in program.dockerfile else []
