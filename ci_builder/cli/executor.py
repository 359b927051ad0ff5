"""``executor``: a build with the flags of kaniko's executor, also when the program is called by that name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from ci_builder import options
from ci_builder.cli.build import platform
from ci_builder.cli.commands import ABOUT
from ci_builder.cli.failure import show_error
from ci_builder.cli.invocation import Invocation
from ci_builder.cli.kaniko.cache import builds_anew, cache_of
from ci_builder.cli.kaniko.flags import FLAGS, SUPPORTED, TECHNIQUES, refuse_unfulfilled
from ci_builder.cli.kaniko.form import form_of
from ci_builder.cli.kaniko.words import Words, go_boolean, parse
from ci_builder.cli.parser import SubParsers
from ci_builder.cli.perform import Display, perform, secrets_of
from ci_builder.cli.registry_flags import client_certificate, mirror
from ci_builder.cli.summary import summary
from ci_builder.context.kaniko import from_kaniko
from ci_builder.errors import CiBuilderError, Unsupported, UsageError
from ci_builder.oci.reference import Reference
from ci_builder.request import RETRIES, Annotation, OutputSpec, RegistryOptions, Request
from ci_builder.values import replace

NAME = "executor"
_DEFAULT_CONTEXT = "/workspace/"
_LEVELS = ("panic", "fatal", "error", "warn", "warning", "info", "debug", "trace")
_VARIABLES = {
    "KANIKO_NO_PUSH": "no-push",
    "KANIKO_REGISTRY_MIRROR": "registry-mirror",
    "KANIKO_REGISTRY_MAP": "registry-map",
    "KANIKO_PRE_CLEANUP": "pre-cleanup",
    "KANIKO_CLEANUP": "cleanup",
    "KANIKO_PRESERVE_CONTEXT": "preserve-context",
}


def add_parser(commands: SubParsers) -> None:
    """Name the command in the help; its words are read by ``run_words``."""
    commands.add_parser(NAME, help=ABOUT[NAME], add_help=False)


def run_words(arguments: Sequence[str], invocation: Invocation) -> int:
    """Build as ``arguments`` say and print what came of it. Returns the exit code."""
    if arguments and arguments[0] in ("login", "push", "version"):
        return _other_command(arguments[0])
    words = parse(arguments, FLAGS)
    if words.switch("help"):
        invocation.answer(help_text(invocation.program))
        return 0
    words = with_variables(words, invocation.environment)
    request = request_of(words, invocation.environment)
    display = replace(display_of(words), secrets=secrets_of(request, invocation.environment))
    outcome = perform(request, invocation, display)
    if isinstance(outcome, CiBuilderError):
        return show_error(outcome, invocation, display.secrets, debug=display.debug)
    if display.progress != "quiet":
        for line in summary(outcome):
            invocation.say(display.secrets.hide(line))
    return 0


def help_text(program: str) -> str:
    """Every flag with a line about it."""
    lines = [f"usage: {program} [flags]", "", __doc__ or "", "", "flags:"]
    for flag in SUPPORTED:
        short = f"-{flag.short}, " if flag.short else "    "
        lines.append(f"  {short}--{flag.name:<32}  {flag.about}")
    lines += ["", "flags that change nothing with these values, because the result is the same:"]
    for item in TECHNIQUES:
        if item.fulfilled:
            lines.append(f"      --{item.flag.name + '=' + '|'.join(item.fulfilled):<32}  {item.why}")
    lines += ["", "every other flag or value is an error that says what to do"]
    return "\n".join(lines)


def with_variables(words: Words, environment: Mapping[str, str]) -> Words:
    """``words`` and those that kaniko takes from variables where the flag is not given."""
    found = dict(words.values)
    for variable, name in _VARIABLES.items():
        text = environment.get(variable, "")
        if text and name not in found:
            found[name] = (text,)
    return Words(found)


def request_of(words: Words, environment: Mapping[str, str]) -> Request:
    """The Request that kaniko's flags ask for. Raises UsageError, Unsupported, InvalidValue."""
    refuse_unfulfilled(words)
    destinations = words.all("destination")
    push = not words.switch("no-push")
    if push and not destinations:
        raise UsageError("there is no --destination", hint="give one, or --no-push")
    targets = words.all("target")
    cache = cache_of(words)
    given = [options.build_argument(text, environment) for text in words.all("build-arg")]
    return Request(
        context=context_of(words),
        context_sub_path=words.text("context-sub-path"),
        dockerfile=words.text("dockerfile"),
        tags=destinations,
        build_args=tuple(item for item in given if item is not None),
        target=targets[0] if targets else "",
        more_targets=targets[1:],
        outputs=outputs_of(words, push=push),
        epoch=0 if words.switch("reproducible") else None,
        push=push,
        no_cache=builds_anew(words),
        cache=cache,
        labels=tuple(options.label(text) for text in words.all("label")),
        annotations=tuple(
            Annotation(*options.pair(text, "--annotation")) for text in words.all("annotation")
        ),
        platform=platform(words.text("custom-platform")),
        disposable=words.switch("force"),
        secrets=tuple(options.secret(text, environment) for text in words.all("secret")),
        registry=registry_of(words, (*destinations, *([cache.repository] if cache.repository else []))),
        digest_file=_path(words, "digest-file"),
        name_digest_file=_path(words, "image-name-with-digest-file"),
        name_tag_digest_file=_path(words, "image-name-tag-with-digest-file"),
    )


def context_of(words: Words) -> str:
    """The context, with the branch that ``--git`` names. Raises UsageError, Unsupported."""
    text = words.text("context", _DEFAULT_CONTEXT)
    context = from_kaniko(text)
    branch = ""
    for key, value in (pair for item in words.all("git") for pair in options.attributes(item, "--git")):
        if key == "branch":
            branch = value
        elif key == "insecure-skip-tls" and go_boolean(value, "--git insecure-skip-tls"):
            raise Unsupported("--git insecure-skip-tls=true is not supported in this version")
        elif key == "recurse-submodules" and not go_boolean(value, "--git recurse-submodules"):
            raise Unsupported("--git recurse-submodules=false: submodules are always checked out")
        elif key not in ("single-branch", "depth", "insecure-skip-tls", "recurse-submodules"):
            raise UsageError(f"--git: unknown {key!r}")
    if branch and not text.startswith("git://"):
        raise UsageError("--git is for a context of git://")
    return f"{context}#{branch}" if branch and "#" not in context else context


def outputs_of(words: Words, *, push: bool) -> tuple[OutputSpec, ...]:
    """The archive and the layout where they are asked for, all in the form that flags ask for; the push
    as well where there is such a form. Raises UsageError."""
    form = form_of(words)
    found = []
    if words.text("tar-path"):
        found.append(OutputSpec("docker", words.text("tar-path"), form))
    if words.text("oci-layout-path"):
        found.append(OutputSpec("oci", words.text("oci-layout-path"), (("tar", "false"), *form)))
    if form and push:
        found.append(OutputSpec("image", "", (("push", "true"), *form)))
    return tuple(found) if found or not form else (OutputSpec("image", "", form),)


def registry_of(words: Words, destinations: Sequence[str]) -> RegistryOptions:
    """How registries are reached. ``--insecure`` is about the hosts of what is pushed only. Raises
    UsageError."""
    hosts = tuple(dict.fromkeys(Reference.parse(text).registry for text in destinations))
    maps = (part for text in words.all("registry-map") for part in text.split(";") if part)
    retries = ("push-retry", "image-download-retry", "image-fs-extract-retry")
    more = [words.number(name, 0) for name in retries if words.given(name)]
    return RegistryOptions(
        insecure=_hosts(words, "insecure", hosts),
        skip_tls_verify=_hosts(words, "skip-tls-verify", hosts),
        mirrors=(
            *(options.pair(text, "--registry-map") for text in maps),
            *(
                mirror(part, "--registry-mirror")
                for text in words.all("registry-mirror")
                for part in text.split(",")
            ),
        ),
        certificates=tuple(
            options.pair(text, "--registry-certificate") for text in words.all("registry-certificate")
        ),
        client_certificates=tuple(
            client_certificate(text, "--registry-client-cert") for text in words.all("registry-client-cert")
        ),
        retries=max(RETRIES, *more) if more else None,
    )


def display_of(words: Words) -> Display:
    """How progress is shown. Raises UsageError."""
    level, style = words.text("verbosity", "info"), words.text("log-format", "color")
    if level not in _LEVELS:
        raise UsageError(f"--verbosity is one of {', '.join(_LEVELS)}, not {level!r}")
    styles = {"text": "plain", "color": "auto", "json": "json"}
    if style not in styles:
        raise UsageError(f"--log-format is one of {', '.join(styles)}, not {style!r}")
    quiet = level in ("panic", "fatal", "error")
    return Display("quiet" if quiet else styles[style], debug=level in ("debug", "trace"))


def _hosts(words: Words, name: str, destinations: Sequence[str]) -> tuple[str, ...]:
    if words.switch(f"{name}-pull"):
        return ("*",)
    chosen = destinations if words.switch(name) else ()
    return tuple(dict.fromkeys((*chosen, *words.all(f"{name}-registry"))))


def _path(words: Words, name: str) -> Path | None:
    return Path(words.text(name)) if words.text(name) else None


def _other_command(name: str) -> int:
    hints = {"login": "use the command login", "push": "use build --push", "version": "use --version"}
    raise Unsupported(f"executor {name} is not supported in this version", hint=hints[name])
