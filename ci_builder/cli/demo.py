"""``demo``: the main job, offline: a base from this machine's own shell, and examples/hello built on it."""

from __future__ import annotations

import argparse
import os
import shlex
from pathlib import Path

from ci_builder.build.demonstration.base import make_base
from ci_builder.ci.isolation import isolation
from ci_builder.cli.commands import ABOUT
from ci_builder.cli.failure import show_error
from ci_builder.cli.invocation import Invocation, data_folder, temporary_folder
from ci_builder.cli.parser import SubParsers
from ci_builder.cli.perform import Display, perform
from ci_builder.cli.rendering.choose import MODES
from ci_builder.cli.summary import summary
from ci_builder.errors import CiBuilderError, NoExecutor, UsageError
from ci_builder.executors.isolations import AUTO
from ci_builder.oci.platform import Platform
from ci_builder.request import Request
from ci_builder.values import replace

NAME = "demo"
_BASE = "demo-base"
_TAG = "ci-builder-demo:latest"
_LAST_RESORT = "chroot"
_EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "hello"
_WITHOUT_RUN = _EXAMPLE / "without-run.Dockerfile"


def add_parser(commands: SubParsers) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(NAME, help=ABOUT[NAME], description=__doc__)
    parser.add_argument(
        "--isolation", default=AUTO, metavar="NAME", help="as for build (default: %(default)s)"
    )
    parser.add_argument(
        "--progress", choices=MODES, default="auto", help="how progress is shown (default: %(default)s)"
    )
    parser.add_argument("-D", "--debug", action="store_true", help="more notices, and the trace of errors")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace, invocation: Invocation) -> int:
    """Make the base, build on it and say what to do next. Returns the exit code."""
    isolation(arguments.isolation)
    if not _EXAMPLE.is_dir():
        raise UsageError(f"there is no {_EXAMPLE}", hint="run the demo from a checkout of the project")
    store = data_folder(invocation.environment) / "store"
    platform = Platform.of_machine(os.uname().machine)
    files = make_base(store, _BASE, platform, temporary_folder(invocation.environment))
    invocation.say(f"base image of {len(files)} files: {', '.join(str(path) for path in files)}")
    request = Request(
        context=str(_EXAMPLE),
        tags=(_TAG,),
        build_contexts=(("base", f"oci-layout://{store}:{_BASE}"),),
        isolation=arguments.isolation,
    )
    display = Display(arguments.progress, arguments.debug)
    outcome = perform(request, invocation, display)
    if isinstance(outcome, NoExecutor) and arguments.isolation == AUTO:
        invocation.say(f"warning: {outcome}\nhint: {outcome.hint}")
        invocation.say(f"trying --isolation={_LAST_RESORT}, which is only taken when it is asked for")
        outcome = perform(replace(request, isolation=_LAST_RESORT), invocation, display)
    if isinstance(outcome, NoExecutor) and arguments.isolation == AUTO:
        invocation.say(f"building {_WITHOUT_RUN.name} instead: the same image without a RUN")
        request = replace(request, dockerfile=str(_WITHOUT_RUN))
        outcome = perform(request, invocation, display)
    if isinstance(outcome, CiBuilderError):
        return show_error(outcome, invocation, debug=arguments.debug)
    for line in (
        *summary(outcome),
        "",
        *_next(_called(invocation.program, outcome.executor), store, request.dockerfile),
    ):
        invocation.answer(line)
    return 0


def _called(program: str, executor: str) -> str:
    """How the reader calls ``build`` so that it works as the demo did."""
    build = ("python3 " if program.endswith(".py") else "") + shlex.quote(program) + " build"
    return build + (f" --isolation {executor}" if executor == _LAST_RESORT else "")


def _next(build: str, store: Path, dockerfile: str) -> list[str]:
    own = build
    build += " --build-context " + shlex.quote(f"base=oci-layout://{store}:{_BASE}")
    example = (f"-f {_shown(_WITHOUT_RUN)} " if dockerfile else "") + _shown(_EXAMPLE)
    return [
        "next:",
        "  run it     " + f"{build} --output type=docker,dest=hello.tar -t hello {example}",
        "             docker load < hello.tar && docker run --rm hello",
        "  save it    " + f"{build} --output type=oci,dest=hello-oci.tar -t hello {example}",
        "  push it    " + f"{build} -t registry.example.com/team/hello:1 --push {example}",
        f"  your own   {own} -t registry.example.com/team/app:1 --push .",
    ]


def _shown(path: Path) -> str:
    here = Path.cwd()
    return shlex.quote(str(path.relative_to(here) if path.is_relative_to(here) else path))
