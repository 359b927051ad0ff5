"""Measures whole builds: from nothing to the image in a registry on this machine.

Ours by executor, buildah and docker's BuildKit where they are installed, and bare tools one after another,
whose sum is what the bars are multiples of. Everything is measured in one run, the rounds of all builders
interleaved, and the least of each is taken. Needs root. Figures are for people: no test looks at them.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.builds.builder import Builder
from benchmarks.builds.cases import CASES, Case, make_context
from benchmarks.builds.chart import SVG, draw
from benchmarks.builds.measure import Bench
from benchmarks.builds.ours import InPlace, OnThisMachine, make_image
from benchmarks.builds.peers import BareTools, Buildah, BuildKit
from benchmarks.builds.report import Report, write_readme
from benchmarks.installed import Installed, suitable_python
from ci_builder.executors.removal import remove_folder
from tests.servers import bases, dockerd
from tests.servers.registry import RunningRegistry, start_registry

_BUILDERS = ("namespace", "in-place", "ptrace", "buildah", "docker")
# Debian's packages by a program of theirs.
_NEEDED = {
    "docker-registry": "docker-registry",
    "skopeo": "skopeo",
    "mmdebstrap": "mmdebstrap",
    "curl": "curl",
    "setpriv": "util-linux",
    "/bin/busybox": "busybox-static",
}
_PEERS = {"buildah": "buildah", "docker": "docker.io", "igzip": "isal"}


def main() -> int:
    """Measure, print the table, and write what was asked for."""
    arguments = _parser().parse_args()
    if os.geteuid() != 0:
        sys.exit("the peers need root: run it as root")
    _install(arguments.install)
    chosen = [case for case in CASES if case.name in _words(arguments.only, [item.name for item in CASES])]
    names = _words(arguments.builders, list(_BUILDERS))
    parent = Path(tempfile.mkdtemp(prefix="ci-builder-benchmark-", dir=arguments.folder))
    parent.chmod(0o755)
    # What other builds have deleted would slow ext4 down, see ci_builder/executors/private_folder.py.
    subprocess.run(["chattr", "+T", str(parent)], capture_output=True, check=False)
    try:
        with start_registry(parent) as registry, contextlib.ExitStack() as stack:
            base = bases.push(bases.debian(), registry.host)
            installed = Installed.make(parent / "installed", arguments.python)
            builders = tuple(_builders(names, registry, base, installed, stack))
            bench = Bench(parent, registry, base)
            _make_contexts(parent, chosen)
            results = bench.measure(chosen, builders, arguments.rounds)
    finally:
        remove_folder(str(parent))
    report = Report(results, tuple(chosen), builders, arguments.rounds)
    print(f"{report.table()}\n\n{report.details()}")
    if arguments.write:
        write_readme(report, arguments.folder)
        SVG.write_text(draw(report))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.builds", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="of each case (default: %(default)s)")
    parser.add_argument("--only", metavar="W1,W3", default="", help="these cases (default: all)")
    parser.add_argument("--builders", metavar="NAME,…", default="", help=f"of {', '.join(_BUILDERS)}")
    parser.add_argument("--write", action="store_true", help="write README.md's table and builds.svg")
    parser.add_argument("--install", action="store_true", help="install Debian's packages that are missing")
    parser.add_argument("--python", default=suitable_python(), help="runs ours (default: %(default)s)")
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path("/var/tmp"),
        help="where builds have their files (default: %(default)s)",
    )
    return parser


def _words(text: str, known: list[str]) -> list[str]:
    words = [word.strip() for word in text.split(",") if word.strip()] or known
    unknown = [word for word in words if word not in known]
    if unknown:
        sys.exit(f"unknown: {', '.join(unknown)}; there are {', '.join(known)}")
    return words


def _install(allowed: bool) -> None:
    """Have apt install what is missing if that is ``allowed``, else say what is."""
    wanted = _NEEDED | (_PEERS if allowed else {})
    missing = [package for program, package in wanted.items() if shutil.which(program) is None]
    if missing and not allowed:
        sys.exit(f"not installed: {', '.join(missing)}; --install has apt-get install them")
    if missing:
        subprocess.run(["apt-get", "update", "-qq"], check=True)
        subprocess.run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing], check=True)
    for program, package in _PEERS.items():
        if shutil.which(program) is None:
            print(f"{program} is not measured: {package} is not installed (--install)", file=sys.stderr)


def _builders(
    names: list[str], registry: RunningRegistry, base: str, installed: Installed, stack: contextlib.ExitStack
) -> Iterator[Builder]:
    yield BareTools(registry.host)  # whatever is chosen: all else is told in multiples of it
    if "namespace" in names:
        yield OnThisMachine(installed, "namespace")
    if "in-place" in names:
        yield InPlace(make_image(installed.folder / "builder", installed, base))
    if "ptrace" in names:
        yield OnThisMachine(installed, "ptrace")
    if "buildah" in names and shutil.which("buildah"):
        yield Buildah()
    if "docker" in names:
        reason = dockerd.refusal()
        if reason:
            print(f"docker is not measured: {reason}", file=sys.stderr)
        else:
            yield BuildKit(stack.enter_context(dockerd.start_dockerd()))


def _make_contexts(parent: Path, cases: list[Case]) -> None:
    (parent / "contexts").mkdir()
    floors = {bar.of for case in cases for _, bar in case.bars}
    for case in CASES:
        if case in cases or case.name in floors:
            make_context(case, parent / "contexts")


if __name__ == "__main__":
    sys.exit(main())
