"""This project as users have it: set up by its own entry point for an interpreter of theirs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.builds.builder import PATH
from tests.compare.builders import ROOT

_SOURCES = ("ci_builder", "examples", "image", "entrypoint.py", "requirements.txt", "LICENSE")


@dataclass(frozen=True, slots=True)
class Installed:
    """A copy of the sources that every user can read, set up for the interpreter ``python``."""

    folder: Path
    python: str

    @staticmethod
    def make(folder: Path, python: str) -> Installed:
        """Copy, set up, and start once, so that everything is compiled. Raises CalledProcessError."""
        source = folder / "source"
        source.mkdir(parents=True)
        for name in _SOURCES:
            found = ROOT / name
            if found.is_dir():
                shutil.copytree(found, source / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(found, source / name)
        made = Installed(folder, python)
        (folder / "cache").mkdir(mode=0o755)
        for words in (["--version"], ["-m", "compileall", "-q", str(source / "ci_builder")]):
            begin = made.program if words == ["--version"] else [python]
            subprocess.run([*begin, *words], check=True, env=made.environment(folder), capture_output=True)
        (folder / "cache/ci-builder").chmod(0o755)
        return made

    @property
    def packages(self) -> Path:
        """The folder that the entry point has put the dependencies into."""
        (found,) = (self.folder / "cache/ci-builder").glob("packages-*")
        return found

    @property
    def program(self) -> list[str]:
        """What the command line begins with."""
        return [self.python, str(self.folder / "source/entrypoint.py")]

    def environment(self, home: Path) -> dict[str, str]:
        """Variables for a start with an empty ``home``. pip's and the certificates' are this process's."""
        kept = {name: text for name, text in os.environ.items() if name.startswith(("PIP_", "SSL_CERT"))}
        own = {
            "PATH": PATH,
            "HOME": str(home),
            "TMPDIR": str(home),
            "XDG_CACHE_HOME": str(self.folder / "cache"),
        }
        return kept | own


def suitable_python() -> str:
    """Debian's interpreter, which users have, where it is one that this project runs on; else this one."""
    found = "/usr/bin/python3"
    old = "import sys; sys.exit(sys.version_info < (3, 10))"
    known = Path(found).exists() and subprocess.run([found, "-c", old], check=False).returncode == 0
    return found if known else sys.executable
