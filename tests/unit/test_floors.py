"""The house's floors: who may import whom, and what belongs to one folder alone (CONTRIBUTING.md)."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "ci_builder"

FLOORS: tuple[frozenset[str], ...] = (
    frozenset({"patterns", "values"}),
    frozenset({"span", "packed", "meanwhile", "untrusted"}),
    frozenset({"errors", "progress"}),
    frozenset({"dockerfile", "oci", "request"}),
    frozenset({"options"}),
    frozenset({"rootfs", "registry", "context", "layout", "settings"}),
    frozenset({"executors", "cache", "outputs", "attest"}),
    frozenset({"build"}),
    frozenset({"ci"}),
    frozenset({"cli"}),
)
"""From the ground up. A part imports from lower floors only."""

HOMES = {
    "subprocess": ("executors/", "registry/credential_programs.py"),
    "ctypes": ("executors/",),
    "_ctypes": ("executors/",),
    "multiprocessing": ("executors/",),
    "pty": ("executors/",),
    "requests": ("registry/", "context/", "build/sessions.py"),
    "urllib3": ("registry/", "context/", "build/sessions.py"),
    "git": ("context/git.py", "ci/git_facts.py"),
    "dockerfile_parse": ("dockerfile/reader.py",),
    "tomli": ("settings.py",),
    "tomllib": (),
    "isal": ("rootfs/", "outputs/", "layout/", "context/"),
    "zstandard": ("rootfs/", "outputs/", "layout/", "context/"),
    "argparse": ("cli/",),
    "getpass": ("cli/",),
    "traceback": ("cli/",),
    "logging": (),
}
"""Modules that only these files may import."""

ATTRIBUTES = {
    ("os", "environ"): ("cli/",),
    ("os", "getenv"): ("cli/",),
    ("os", "environb"): ("cli/",),
    ("os", "putenv"): (),
    ("os", "fork"): ("executors/",),
    ("os", "forkpty"): (),
    ("os", "system"): (),
    ("os", "popen"): (),
    ("os", "posix_spawn"): ("executors/",),
    ("os", "posix_spawnp"): ("executors/",),
    ("os", "_exit"): ("executors/", "cli/signals.py"),
    ("sys", "exit"): ("cli/",),
    ("sys", "argv"): ("cli/",),
    ("sys", "stdout"): ("cli/",),
    ("sys", "stderr"): ("cli/",),
    ("sys", "stdin"): ("cli/",),
    # Everywhere else: ci_builder.values, whose classes cost a start less.
    ("dataclasses", "dataclass"): ("values.py",),
    ("dataclasses", "field"): ("values.py",),
    ("dataclasses", "replace"): ("values.py",),
}
"""Attributes of modules that only these files may touch; os.exec* as well belongs to the executors."""

BUILTINS = {
    "print": ("cli/",),
    "input": (),
    "exit": (),
    "quit": (),
    "eval": (),
    "exec": ("values.py",),
    "breakpoint": (),
}
VAGUE_NAMES = frozenset("util utils helper helpers manager misc common base_utils".split())


@dataclass(frozen=True)
class Module:
    path: Path
    tree: ast.Module

    @property
    def name(self) -> str:
        return self.path.relative_to(PACKAGE).as_posix()

    @property
    def part(self) -> str:
        """The folder below ci_builder, or the file's own name."""
        return self.name.partition("/")[0].removesuffix(".py")

    def may(self, homes: tuple[str, ...]) -> bool:
        return self.name.startswith(homes) if homes else False


def load(path: Path) -> Module:
    return Module(path, ast.parse(path.read_text(encoding="utf-8"), str(path)))


MODULES = [load(path) for path in sorted(PACKAGE.rglob("*.py"))]


def imports(module: Module) -> Iterator[tuple[int, str]]:
    """Line and dotted name of everything that is imported, in functions and type-checking blocks too."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module.name}:{node.lineno}: imports are absolute"
            yield node.lineno, node.module or ""
            for alias in node.names:
                yield node.lineno, f"{node.module}.{alias.name}"


def floor(part: str) -> int:
    return next((number for number, parts in enumerate(FLOORS) if part in parts), -1)


def upward(module: Module) -> Iterator[str]:
    for line, name in imports(module):
        _, _, rest = name.partition("ci_builder.")
        part = rest.partition(".")[0]
        if not name.startswith("ci_builder.") or part in ("__version__", module.part):
            continue
        if floor(part) < 0:
            yield f"{module.name}:{line}: {name} is on no floor"
        elif floor(part) >= floor(module.part):
            where = "upward" if floor(part) > floor(module.part) else "sideways"
            yield f"{module.name}:{line}: {where}: {name}"


def strangers(module: Module) -> Iterator[str]:
    for line, name in imports(module):
        top = name.partition(".")[0]
        if top in HOMES and not module.may(HOMES[top]):
            yield f"{module.name}:{line}: {top} belongs to {HOMES[top] or 'nobody'}"


def touches(module: Module) -> Iterator[str]:
    nodes = (node for node in ast.walk(module.tree) if isinstance(node, (ast.expr, ast.stmt)))
    for node in nodes:
        names: list[tuple[str, str]] = []
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            names = [(node.value.id, node.attr)]
        elif isinstance(node, ast.ImportFrom):
            names = [(node.module or "", alias.name) for alias in node.names]
        for name in names:
            homes = ATTRIBUTES.get(name)
            if name[0] == "os" and name[1].startswith("exec"):
                homes = ("executors/",)
            if homes is not None and not module.may(homes):
                yield f"{module.name}:{node.lineno}: {'.'.join(name)} belongs to {homes or 'nobody'}"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in BUILTINS:
            homes = BUILTINS[node.func.id]
            if not module.may(homes):
                yield f"{module.name}:{node.lineno}: {node.func.id}() belongs to {homes or 'nobody'}"


def changing_globals(module: Module) -> Iterator[str]:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Global):
            yield f"{module.name}:{node.lineno}: global {', '.join(node.names)}"


@pytest.mark.parametrize(
    "check", [upward, strangers, touches, changing_globals], ids=lambda item: item.__name__
)
def test_the_house_stands(check: object) -> None:
    assert callable(check)
    assert [line for module in MODULES for line in check(module)] == []


def test_every_part_is_on_a_floor() -> None:
    parts = {module.part for module in MODULES} - {"__init__", "__main__"}
    assert {part for part in parts if floor(part) < 0} == set()


def test_names_say_what_is_inside() -> None:
    vague = [module.name for module in MODULES if VAGUE_NAMES & set(module.path.with_suffix("").parts)]
    assert vague == []


def test_files_stay_small() -> None:
    long = {module.name: len(module.path.read_text(encoding="utf-8").splitlines()) for module in MODULES}
    assert {name: lines for name, lines in long.items() if lines > 400} == {}


def test_functions_stay_small() -> None:
    long = [
        f"{module.name}:{node.lineno}: {node.name}: {length} lines"
        for module in MODULES
        for node in ast.walk(module.tree)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        and (length := (node.end_lineno or node.lineno) - node.lineno + 1) > 60
    ]
    assert long == []


def unused(modules: Sequence[Module]) -> Iterator[str]:
    """Functions, classes, methods and constants that are named nowhere but where they are defined, private
    ones nowhere in their own module."""
    here = {module.name: names(module) for module in modules}
    everywhere = sum(here.values(), Counter[str]())
    for module in modules:
        for node, name in definitions(module):
            named = here[module.name] if name.startswith("_") else everywhere
            if not named[name] and not (name.startswith("__") or name in CALLED_BY_OTHERS):
                yield f"{module.name}:{node.lineno}: {name} is not used"


def names(module: Module) -> Counter[str]:
    """How often each name is used; words in strings count, as some things are called by name."""
    found = Counter[str]()
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            found[node.id] += 1
        elif isinstance(node, ast.Attribute):
            found[node.attr] += 1
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.update(node.value.split())
    return found


CALLED_BY_OTHERS = frozenset("readable set_ok return_ok cert_verify _print_message ConnectionCls".split())
"""By the libraries whose classes they are a part of."""


def definitions(module: Module) -> Iterator[tuple[ast.stmt, str]]:
    for node in ast.walk(module.tree):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            yield node, node.name
    for node in module.tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else []
        targets = [node.target] if isinstance(node, ast.AnnAssign) else targets
        for name in (part for target in targets for part in ast.walk(target)):
            if isinstance(name, ast.Name):
                yield node, name.id


def test_nothing_is_left_over() -> None:
    assert list(unused(MODULES)) == []


def test_what_is_left_over_is_found() -> None:
    text = "A = 1\nB, C = 2, 3\nclass D:\n    def e(self): return self\ndef f(): return C\nf()"
    found = list(unused([Module(PACKAGE / "oci/wrong.py", ast.parse(text))]))
    assert [line.split()[1] for line in found] == ["D", "e", "A", "B"]


@pytest.mark.parametrize(
    ("name", "text", "check"),
    [
        ("oci/wrong.py", "from ci_builder.build import plan", upward),
        ("oci/wrong.py", "def f():\n    import ci_builder.dockerfile.reader", upward),
        ("executors/wrong.py", "from ci_builder.outputs.push import PushOutput", upward),
        ("ci/wrong.py", "from ci_builder import cli", upward),
        ("build/wrong.py", "import subprocess", strangers),
        ("build/wrong.py", "from ctypes import CDLL", strangers),
        ("build/wrong.py", "import os\nx = os.environ['A']", touches),
        ("build/wrong.py", "from os import environ", touches),
        ("registry/wrong.py", "import os\nos.fork()", touches),
        ("cli/wrong.py", "import os\nos.execv('a', [])", touches),
        ("build/wrong.py", "print('x')", touches),
        ("build/wrong.py", "from dataclasses import dataclass, field", touches),
        ("build/wrong.py", "def f():\n    global x\n    x = 1", changing_globals),
    ],
)
def test_each_check_can_fail(name: str, text: str, check: object) -> None:
    assert callable(check)
    assert list(check(Module(PACKAGE / name, ast.parse(text)))) != []
