"""What functions import is imported before a build in place replaces ``/``: LATE says all of it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from ci_builder.build.settle import FETCHING, LATE

PACKAGE = Path(__file__).resolve().parents[3] / "ci_builder"
_NEVER_IN_PLACE = {
    "build/self_test.py": "only the doctor tests an executor",
    "build/schedule.py": "what asks about a build makes none",
    "build/start.py": "the rest of a build, before it begins",
    "errors.py": "names are compared before there is a build",
    "context/opening.py": "contexts are opened before",
    "outputs/attributes.py": "chosen before",
    "outputs/choose.py": "chosen before",
    "build/means.py": "an executor is chosen, and with it imported, before",
    "context/git.py": "repositories are cloned before; settle imports it for named contexts",
    "ci/git_facts.py": "asked before there is a build",
    "executors/keeper.py": "only under ptrace",
    "settings.py": "read before there is a build",
    "values.py": "only the standard library's own functions ask for it",
    "registry/tls.py": "Registry.settle reads the authorities before",
}


def _inside_functions(tree: ast.Module) -> Iterator[str]:
    for function in ast.walk(tree):
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
            for node in ast.walk(function):
                if isinstance(node, ast.Import):
                    yield from (alias.name for alias in node.names)
                elif isinstance(node, ast.ImportFrom):
                    yield node.module or ""


def test_late_is_what_functions_import() -> None:
    found: dict[str, set[str]] = {}
    for path in PACKAGE.rglob("*.py"):
        modules = set(_inside_functions(ast.parse(path.read_text(encoding="utf-8"))))
        if modules and not path.is_relative_to(PACKAGE / "cli"):
            found[path.relative_to(PACKAGE).as_posix()] = modules
    late = [modules for name, modules in found.items() if name not in _NEVER_IN_PLACE]
    assert set().union(*late) == {*LATE, *FETCHING}
    assert set(_NEVER_IN_PLACE) <= set(found), "an exception that is none any more"
