"""``build``: a Dockerfile becomes an image; options as in ``docker buildx build``."""

from __future__ import annotations

import argparse
from pathlib import Path

from ci_builder import options
from ci_builder.ci.isolation import isolation
from ci_builder.cli.cache_flags import add_cache_flags, cache_options
from ci_builder.cli.call import BUILD, CHECK, Call, answer, call_of
from ci_builder.cli.commands import ABOUT
from ci_builder.cli.failure import show_error
from ci_builder.cli.invocation import Invocation
from ci_builder.cli.parser import NotHere, Parser, SubParsers, Switch, SwitchNotHere
from ci_builder.cli.perform import Display, perform, secrets_of
from ci_builder.cli.registry_flags import add_registry_flags, registry_options
from ci_builder.cli.rendering.choose import MODES
from ci_builder.cli.summary import summary
from ci_builder.errors import CiBuilderError, Unsupported, UsageError
from ci_builder.executors.isolations import AUTO, AVAILABLE
from ci_builder.oci.platform import Platform
from ci_builder.outputs.types import TYPES, is_standard_output
from ci_builder.request import NETWORKS, CommandOptions, Request

NAME = "build"
_EXAMPLES = """examples:
  build -t registry.example.com/team/app:1.2 --push .
  build -f docker/Dockerfile --target test --build-arg VERSION=1.2 .
  build --output type=docker,dest=image.tar -t app .        (then: docker load < image.tar)
  build --output dist --target files .                      (the files of a stage into a folder)"""
_LIMITS = "limit the job's container, or what a RUN may use: --ulimit, --run-timeout"
_NO_RUNTIME = "remove it: this version does not change how RUN commands run"
_NOT_HERE: tuple[tuple[tuple[str, ...], tuple[str, ...], str], ...] = (
    (("--load",), ("false",), "there is no docker daemon; write --output type=docker,dest=image.tar"),
    (
        ("--attest",),
        ("type=provenance,disabled=true", "type=sbom,disabled=true"),
        "remove it: this version attests nothing",
    ),
    (("--provenance",), ("false",), "remove it: this version attests nothing"),
    (("--sbom",), ("false",), "remove it: this version attests nothing"),
    (("--add-host",), (), _NO_RUNTIME),
    (("--allow",), (), "remove it: nothing needs an entitlement here"),
    (("--builder",), ("default",), "remove it: there are no builder instances here"),
    (("--cgroup-parent",), (), _NO_RUNTIME),
    (("--shm-size",), (), _NO_RUNTIME),
    (("-m", "--memory"), (), _LIMITS),
    (("--memory-swap",), (), _LIMITS),
    (("-c", "--cpu-shares"), (), _LIMITS),
    (("--cpu-period",), (), _LIMITS),
    (("--cpu-quota",), (), _LIMITS),
    (("--cpuset-cpus",), (), _LIMITS),
    (("--cpuset-mems",), (), _LIMITS),
    (("--security-opt",), (), _NO_RUNTIME),
    (("--print",), (), "write --call: --call=outline, --call=targets"),
)
_SWITCHES_NOT_HERE: tuple[tuple[str, tuple[bool, ...], str], ...] = (
    ("--rm", (True,), "remove it: nothing is left of a build"),
    ("--force-rm", (True, False), "remove it: nothing is left of a build"),
    ("--compress", (True, False), "remove it: no context is sent to a daemon"),
    ("--squash", (False,), "remove it; stages with COPY --from keep an image small"),
    ("--disable-content-trust", (True,), "remove it: name bases by digest"),
)


def add_parser(commands: SubParsers) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(NAME, help=ABOUT[NAME], description=__doc__, epilog=_EXAMPLES)
    add_options(parser)
    parser.set_defaults(run=run)


def add_options(parser: Parser) -> None:
    """Add what a build can be told."""
    parser.add_argument(
        "context",
        metavar="CONTEXT",
        help="what COPY and ADD read: a folder, - (a tar on standard input), an archive, a git or http URL",
    )
    _add_what(parser)
    _add_where(parser)
    _add_how(parser)
    add_cache_flags(parser)
    add_registry_flags(parser)
    for names, allowed, hint in _NOT_HERE:
        parser.add_argument(*names, action=NotHere, allowed=allowed, hint=hint, help=argparse.SUPPRESS)
    for name, switched, hint in _SWITCHES_NOT_HERE:
        parser.add_argument(name, action=SwitchNotHere, allowed=switched, hint=hint, help=argparse.SUPPRESS)


def _add_what(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("what is built")
    group.add_argument(
        "-f",
        "--file",
        default="",
        help="the Dockerfile (default: CONTEXT/Dockerfile); - reads it from standard input",
    )
    _repeated(
        group,
        "--target",
        "STAGE",
        "build this stage (default: the last one); outputs without target= get the first",
    )
    _repeated(group, "--build-arg", "NAME[=VALUE]", "set an ARG; NAME alone takes the variable of that name")
    _repeated(
        group,
        "--build-context",
        "NAME=SOURCE",
        "a further context or base: a folder, an archive, a URL, docker-image://REF, oci-layout://DIR[:TAG]",
    )
    _repeated(group, "--label", "KEY=VALUE", "add a label to the image's config")
    _repeated(group, "--annotation", "[TYPE:]KEY=VALUE", "annotate the manifest, or manifest-descriptor")
    group.add_argument(
        "--platform",
        default="",
        metavar="OS/ARCH",
        help="the platform of bases and result, one (default: this machine's)",
    )
    _repeated(
        group,
        "--secret",
        "id=NAME[,src=FILE|,env=VAR]",
        "a secret for RUN --mount=type=secret; hidden in the log",
    )
    _repeated(group, "--ssh", "ID[=SOCKET]", "an SSH agent for RUN --mount=type=ssh and ADD of repositories")


def _add_where(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("where it goes (default: the embedded store, an OCI layout)")
    group.add_argument(
        "-t", "--tag", action="append", default=[], metavar="NAME[:TAG]", help="name the image; repeatable"
    )
    group.add_argument("--push", action=Switch, help="push every --tag to its registry")
    _repeated(
        group,
        "--output",
        f"type={'|'.join(TYPES)}[,KEY=VALUE]",
        "where to write the result, and how (docs/outputs.md); PATH alone means type=local,dest=PATH, - a "
        "tar on standard output",
        short="-o",
    )
    group.add_argument("--iidfile", type=Path, metavar="FILE", help="write the image ID to FILE")
    group.add_argument(
        "--metadata-file",
        type=Path,
        metavar="FILE",
        help="write digest, descriptor and names to FILE as JSON",
    )


def _add_how(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("how it is built")
    group.add_argument("--check", action=Switch, help="lint the Dockerfile instead of building it")
    group.add_argument(
        "--call",
        default=BUILD,
        metavar="WHAT[,format=json]",
        help="build (default), check (or lint): as --check, targets: list the stages, outline: list what "
        "the target takes from outside",
    )
    group.add_argument(
        "--isolation",
        metavar="NAME",
        help=f"how RUN commands run: {AUTO} (the best that works here) or {', '.join(AVAILABLE)}",
    )
    group.add_argument(
        "--network",
        default="",
        metavar="NAME",
        help=f"the network of RUN commands that do not say: {', '.join(NETWORKS)}",
    )
    group.add_argument(
        "--run-timeout",
        default="",
        metavar="TIME",
        help="kill a RUN command that takes longer, for example 30m (default: no limit)",
    )
    _repeated(
        group, "--ulimit", "NAME=SOFT[:HARD]", "limit what RUN commands use: nofile, nproc, fsize and so on"
    )
    group.add_argument(
        "--parallelism",
        type=int,
        metavar="N",
        help="how many stages are built at once (default: what suits the machine)",
    )
    group.add_argument(
        "--pull", action=Switch, help="ask the registry for bases: always done, no copy of one is kept"
    )
    group.add_argument(
        "--progress",
        choices=MODES,
        default="auto",
        help="how progress is shown on standard error (default: %(default)s)",
    )
    group.add_argument(
        "-q", "--quiet", action="store_true", help="no progress, and only the image ID on standard output"
    )
    group.add_argument("-D", "--debug", action="store_true", help="more notices, and the trace of errors")


def _repeated(group: argparse._ArgumentGroup, name: str, metavar: str, text: str, short: str = "") -> None:
    names = [short, name] if short else [name]
    group.add_argument(*names, action="append", default=[], metavar=metavar, help=f"{text}; repeatable")


def run(arguments: argparse.Namespace, invocation: Invocation) -> int:
    """Build and print what came of it. Returns the exit code."""
    request = request_of(arguments, invocation)
    secrets = secrets_of(request, invocation.environment)
    display = Display("quiet" if arguments.quiet else arguments.progress, arguments.debug, secrets)
    call = _call(arguments)
    if call.kind != BUILD:
        return answer(call, request, invocation, display)
    outcome = perform(request, invocation, display)
    if isinstance(outcome, CiBuilderError):
        return show_error(outcome, invocation, secrets, debug=arguments.debug)
    if any(is_standard_output(output) for output in request.outputs):
        return 0
    if arguments.quiet:
        invocation.answer(outcome.image_id)
        return 0
    for line in summary(outcome):
        invocation.answer(secrets.hide(line))
    return 0


def _call(arguments: argparse.Namespace) -> Call:
    """What is asked instead of a build. Raises UsageError."""
    call = call_of(arguments.call)
    if not arguments.check:
        return call
    if call.kind not in (BUILD, CHECK):
        raise UsageError(f"--check and --call={arguments.call} ask for two things", hint="give one of them")
    return Call(CHECK, call.json)


def request_of(arguments: argparse.Namespace, invocation: Invocation) -> Request:
    """The Request that parsed arguments ask for. Raises UsageError, Unsupported, InvalidValue."""
    environment = invocation.environment
    if not arguments.context.strip():
        raise UsageError("the CONTEXT is empty", hint="write . for the working directory")
    given = [options.build_argument(text, environment) for text in arguments.build_arg]
    return Request(
        context=arguments.context,
        dockerfile=arguments.file,
        tags=tuple(arguments.tag),
        build_args=tuple(item for item in given if item is not None),
        target=arguments.target[0] if arguments.target else "",
        more_targets=tuple(arguments.target[1:]),
        outputs=tuple(options.output(text) for text in arguments.output),
        push=arguments.push,
        labels=tuple(options.label(text) for text in arguments.label),
        annotations=tuple(
            item for text in arguments.annotation for item in options.annotation(text, "--annotation")
        ),
        build_contexts=tuple(options.pair(text, "--build-context") for text in arguments.build_context),
        no_cache=arguments.no_cache,
        cache=cache_options(arguments),
        parallelism=_parallelism(arguments.parallelism),
        pull=arguments.pull,
        platform=platform(arguments.platform),
        isolation="" if arguments.isolation is None else isolation(arguments.isolation),
        commands=CommandOptions(
            options.network(arguments.network, "--network"),
            tuple(options.ulimit(text, "--ulimit") for text in arguments.ulimit),
            options.time_limit(arguments.run_timeout, "--run-timeout"),
        ),
        secrets=tuple(options.secret(text, environment) for text in arguments.secret),
        ssh=tuple(options.ssh(text) for text in arguments.ssh),
        registry=registry_options(arguments),
        iid_file=arguments.iidfile,
        metadata_file=arguments.metadata_file,
    )


def _parallelism(given: int | None) -> int:
    if given is not None and given < 1:
        raise UsageError(f"--parallelism: {given} stages at once build nothing", hint="write 1 or more")
    return given or 0


def platform(text: str) -> str:
    """One platform, checked; empty for the machine's. Raises Unsupported, InvalidValue."""
    if "," in text:
        raise Unsupported(
            f"several platforms in one build are not supported: {text}",
            hint="build each on a machine of that platform",
        )
    return str(Platform.parse(text)) if text else ""
