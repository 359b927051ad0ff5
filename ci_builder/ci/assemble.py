"""Inputs and what an adapter found out, put together into a Request."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ci_builder import options
from ci_builder.ci.caching import cache_options
from ci_builder.ci.inputs import Inputs
from ci_builder.ci.isolation import isolation
from ci_builder.ci.secrets import EMPTY, explicit_login, masks_of, without_repeated
from ci_builder.errors import InvalidValue, Unsupported, UsageError
from ci_builder.oci.reference import Reference
from ci_builder.request import CacheOptions, CommandOptions, Login, RegistryOptions, Request, SecretSpec
from ci_builder.values import dataclass


@dataclass(frozen=True, slots=True)
class Defaults:
    """What a CI system gives where the inputs say nothing.

    ``tags`` are used with ``push`` only; ``missing`` says what to set when there are none. ``branches`` are
    those whose caches are read, that of the job first, which is written; empty if it is not known.
    """

    push: bool
    tags: tuple[str, ...]
    missing: str
    branches: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Assembled:
    """A Request and every text that must be masked."""

    request: Request
    masks: tuple[str, ...]


def wanted_tags(inputs: Inputs, defaults: Defaults) -> tuple[str, ...]:
    """The tags that the inputs name, else the defaults of a build that pushes.

    Raises UsageError when something is to be pushed and nothing says under which name.
    """
    given = tuple(inputs.lines("tags", commas=True))
    for tag in given:
        _check_tag(tag)
    if given or not inputs.flag("push", defaults.push):
        return given
    if not defaults.tags and (inputs.text("push") or not inputs.lines("outputs")):
        raise UsageError("nothing says under which name the image is to be pushed", hint=defaults.missing)
    return defaults.tags


def _check_tag(tag: str) -> None:
    try:
        Reference.parse(tag)
    except InvalidValue as error:
        hint = error.hint
        if "$" in tag:
            hint = "the variable in it is not expanded: is there one of this name in this job?"
        elif tag.startswith(("/", ":")) or tag.endswith((":", "/")) or "//" in tag:
            hint = f"a variable that it is made of is empty; {EMPTY}"
        raise UsageError(f"tags: {error}", hint=hint) from error


def wanted_cache(inputs: Inputs, defaults: Defaults) -> CacheOptions:
    """Where the inputs want layers to be looked for and kept. Raises UsageError, InvalidValue."""
    return cache_options(inputs, wanted_tags(inputs, defaults) or defaults.tags, defaults.branches)


def assemble(
    inputs: Inputs, defaults: Defaults, logins: list[Login], environment: Mapping[str, str]
) -> Assembled:
    """The Request of a job; ``logins`` come after the one that the inputs give.

    Raises UsageError, Unsupported.
    """
    inputs.flag("summary", default=True)
    tags = wanted_tags(inputs, defaults)
    secrets = _secrets(inputs, environment)
    cache = wanted_cache(inputs, defaults)
    named = tags or ((cache.repository,) if cache.repository else ())
    all_logins = without_repeated([*explicit_login(inputs, named), *logins])
    arguments = [options.build_argument(text, environment) for text in inputs.lines("build-args")]
    request = Request(
        context=_context(inputs),
        context_sub_path=inputs.text("context-sub-path"),
        dockerfile=inputs.text("file"),
        tags=tags,
        build_args=tuple(item for item in arguments if item is not None),
        target=inputs.text("target"),
        outputs=tuple(options.output(text) for text in inputs.lines("outputs")),
        push=inputs.flag("push", defaults.push) and bool(tags),
        labels=tuple(options.label(text) for text in inputs.lines("labels")),
        annotations=tuple(
            item for text in inputs.lines("annotations") for item in options.annotation(text, "annotations")
        ),
        build_contexts=tuple(options.pair(text, "build-contexts") for text in inputs.lines("build-contexts")),
        no_cache=inputs.flag("no-cache", default=False),
        cache=cache,
        pull=inputs.flag("pull", default=False),
        platform=_platform(inputs),
        isolation=isolation(inputs.text("isolation")) if inputs.text("isolation") else "",
        commands=_commands(inputs),
        disposable=inputs.flag("disposable", default=False),
        secrets=secrets,
        ssh=tuple(options.ssh(text) for text in inputs.lines("ssh", commas=True)),
        logins=all_logins,
        registry=_registry_options(inputs),
        metadata_file=_path(inputs, "metadata-file"),
        digest_file=_path(inputs, "digest-file"),
    )
    return Assembled(request, masks_of(all_logins, secrets, environment))


def _context(inputs: Inputs) -> str:
    context = inputs.text("context") or "."
    if "{{" in context:
        raise Unsupported(
            f"templates in the context are not supported: {context}",
            hint="check the repository out first and give a folder of it",
        )
    return context


def _platform(inputs: Inputs) -> str:
    platforms = inputs.lines("platforms", commas=True)
    if len(platforms) > 1:
        raise Unsupported(
            f"several platforms in one build are not supported: {', '.join(platforms)}",
            hint="run one job for each platform, on a machine of that platform",
        )
    return platforms[0] if platforms else ""


def _secrets(inputs: Inputs, environment: Mapping[str, str]) -> tuple[SecretSpec, ...]:
    found = []
    for text in inputs.lines("secrets"):
        name, value = options.pair(text, "secrets")
        found.append(SecretSpec(name, value=value))
    for text in inputs.lines("secret-envs", commas=True):
        name, variable = options.pair(text, "secret-envs")
        if variable not in environment:
            raise UsageError(f"secret-envs: there is no variable {variable}")
        found.append(SecretSpec(name, value=environment[variable]))
    for text in inputs.lines("secret-files", commas=True):
        name, path = options.pair(text, "secret-files")
        found.append(SecretSpec(name, source=Path(path)))
    return tuple(found)


def _commands(inputs: Inputs) -> CommandOptions:
    return CommandOptions(
        options.network(inputs.text("network"), "network"),
        tuple(options.ulimit(text, "ulimit") for text in inputs.lines("ulimit")),
        options.time_limit(inputs.text("run-timeout"), "run-timeout"),
    )


def _registry_options(inputs: Inputs) -> RegistryOptions:
    def pairs(name: str) -> tuple[tuple[str, str], ...]:
        return tuple(options.pair(text, name) for text in inputs.lines(name, commas=True))

    return RegistryOptions(
        insecure=tuple(inputs.lines("insecure-registries", commas=True)),
        skip_tls_verify=tuple(inputs.lines("skip-tls-verify-registries", commas=True)),
        mirrors=pairs("registry-mirrors"),
        certificates=pairs("registry-certificates"),
    )


def _path(inputs: Inputs, name: str) -> Path | None:
    text = inputs.text(name)
    return Path(text) if text else None
