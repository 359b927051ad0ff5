"""``verify``: builds twice, pushes nothing, and names what differs.

Takes the options of ``build``; of its outputs only the form of the image counts, and nothing is written."""

from __future__ import annotations

import argparse
import contextlib
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from ci_builder.build.platforms import target_platform
from ci_builder.cli.build import add_options, request_of
from ci_builder.cli.call import BUILD, call_of
from ci_builder.cli.commands import ABOUT
from ci_builder.cli.failure import harmless, show_error
from ci_builder.cli.invocation import Invocation, temporary_folder
from ci_builder.cli.parser import SubParsers
from ci_builder.cli.perform import Display, perform, secrets_of
from ci_builder.cli.rendering.text import one_line
from ci_builder.errors import CiBuilderError, OutputError, Unsupported, UsageError
from ci_builder.executors.private_folder import passing_folder
from ci_builder.layout.reader import read_image
from ci_builder.outputs.difference import Difference, image_differences
from ci_builder.request import CacheOptions, OutputSpec, Request
from ci_builder.values import replace

NAME = "verify"
_CODES = """exit codes:
  0  both builds gave the same digest
  1  they did not: layer, step, path and what differs are on standard output
  any other code is that of a build that failed"""
_OF_THE_PLACE = ("name", "push", "push-by-digest", "registry.insecure", "tar")
_GAP = 1.1  # seconds between the builds, so that a time that gets into the image shows: tars have whole ones
_MOST = 200
_WIDTH = 60
_HINT = "only times differ: set SOURCE_DATE_EPOCH, and rewrite-timestamp=true in --output"


def add_parser(commands: SubParsers) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(NAME, help=ABOUT[NAME], description=__doc__, epilog=_CODES)
    add_options(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace, invocation: Invocation) -> int:
    """Build twice, compare, tell. Returns the exit code."""
    request = request_of(arguments, invocation)
    if "-" in (request.context, request.dockerfile):
        raise Unsupported("standard input cannot be read twice", hint="give a file or a folder")
    if arguments.check or call_of(arguments.call).kind != BUILD:
        raise UsageError(
            "--check and --call build nothing that could be compared", hint="use the command build"
        )
    secrets = secrets_of(request, invocation.environment)
    display = Display("quiet" if arguments.quiet else arguments.progress, arguments.debug, secrets)
    forms = forms_of(request)
    with _folder(invocation) as folder:
        rounds = (folder / "one", folder / "two")
        for place in rounds:
            for number in range(len(forms)):
                (place / str(number)).mkdir(parents=True)
        for place in rounds:
            if place is rounds[1]:
                time.sleep(_GAP)
            outcome = perform(into(request, forms, place), invocation, display)
            if isinstance(outcome, CiBuilderError):
                return show_error(outcome, invocation, secrets, debug=arguments.debug)
        same = True
        for number in range(len(forms)):
            lines = _compared(request, rounds[0] / str(number), rounds[1] / str(number))
            same = same and len(lines) == 1
            for line in lines:
                invocation.answer(secrets.hide(harmless(line)))
    return 0 if same else 1


def forms_of(request: Request) -> tuple[OutputSpec, ...]:
    """An OCI layout, without its folder, for each image that the outputs of ``request`` would write."""
    found = []
    for spec in request.outputs or (OutputSpec("image"),):
        keep = () if spec.type in ("local", "tar") else spec.attributes
        target = tuple(pair for pair in spec.attributes if pair[0] == "target")
        form = tuple(pair for pair in keep if pair[0] not in (*_OF_THE_PLACE, "target"))
        found.append(OutputSpec("oci", "", (("tar", "false"), *form, *target)))
    return tuple(dict.fromkeys(found))


def into(request: Request, forms: Sequence[OutputSpec], folder: Path) -> Request:
    """``request`` with these outputs, each in a folder of its number in ``folder``, no other and no cache."""
    outputs = tuple(replace(form, dest=str(folder / str(number))) for number, form in enumerate(forms))
    # Layers of the first build, found again in the second one, would prove nothing.
    cache = CacheOptions(without=request.cache.without, off=True)
    return replace(
        request, outputs=outputs, push=False, tags=(), cache=cache, iid_file=None, metadata_file=None
    )


def report(differences: Sequence[Difference]) -> list[str]:
    """The lines that name them, at most so many."""
    lines = []
    place = ""
    for item in differences[:_MOST]:
        here = f"{item.where} ({one_line(item.step, _WIDTH)})" if item.step else item.where
        if here != place:
            lines.append(here)
            place = here
        lines.append(f"  {item.path or '(all)'}: {item.how}: {item.one} -> {item.other}")
    if len(differences) > _MOST:
        lines.append(f"and {len(differences) - _MOST} more")
    if all(item.is_time for item in differences):
        lines.append(_HINT)
    return lines


def _compared(request: Request, one: Path, other: Path) -> list[str]:
    platform = target_platform(request)
    images = read_image(one, "", platform), read_image(other, "", platform)
    digests = [str(image.descriptor().digest) for image in images]
    if digests[0] == digests[1]:
        return [f"the same twice: {digests[0]}"]
    return [f"not the same: {digests[0]} and {digests[1]}", *report(list(image_differences(*images)))]


@contextlib.contextmanager
def _folder(invocation: Invocation) -> Iterator[Path]:
    parent = temporary_folder(invocation.environment)
    with contextlib.ExitStack() as stack:
        try:
            folder = stack.enter_context(passing_folder(parent, "ci-builder-verify-"))
        except OSError as error:
            raise OutputError(f"cannot write to {parent}: {error.strerror}") from error
        yield folder
