"""``ci_builder.toml``: what a repository sets for all its builds; the command line and CI inputs win over it.

isolation = "namespace"
platform = "linux/amd64"

[build-args]
VERSION = "1.2"

[labels]
"org.opencontainers.image.vendor" = "Example"

[registry]
insecure = ["registry.example.com:5000"]
skip-tls-verify = ["old.example.com"]
retries = 8

[registry.mirrors]
"docker.io" = ["mirror.example.com"]

[registry.certificates]
"registry.example.com" = "ca.pem"

[cache]
repo = "registry.example.com/team/app-cache"
from = ["type=registry,ref=registry.example.com/team/base:cache"]
to = ["type=inline"]
ttl = "72h"
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from ci_builder import options
from ci_builder.errors import UsageError
from ci_builder.request import CacheOptions, CachePlace, RegistryOptions, Request
from ci_builder.values import dataclass, replace

FILE = "ci_builder.toml"
Value = TypeVar("Value")
Pairs = tuple[tuple[str, str], ...]
_DEFAULTS = Request()
_NO_CACHE = (
    "name a repository for it: --cache-repo on the command line, cache: true or cache-repo in a CI job, "
    f"repo in [cache] of {FILE}"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Defaults for a Request; empty ones say nothing."""

    isolation: str = _DEFAULTS.isolation
    platform: str = _DEFAULTS.platform
    build_args: Pairs = ()
    labels: Pairs = ()
    registry: RegistryOptions = _DEFAULTS.registry
    cache: CacheOptions = _DEFAULTS.cache

    def under(self, request: Request) -> Request:
        """``request`` with these settings where it says nothing itself. Raises UsageError for what it says
        of a cache that there is not."""
        return replace(
            request,
            isolation=request.isolation or self.isolation,
            platform=request.platform or self.platform,
            build_args=_merged(self.build_args, request.build_args),
            labels=_merged(self.labels, request.labels),
            registry=self._registry_under(request.registry),
            cache=self._cache_under(request.cache),
        )

    def _registry_under(self, options: RegistryOptions) -> RegistryOptions:
        own = self.registry
        return replace(
            options,
            insecure=(*options.insecure, *own.insecure),
            skip_tls_verify=(*options.skip_tls_verify, *own.skip_tls_verify),
            mirrors=(*options.mirrors, *own.mirrors),
            certificates=(*options.certificates, *own.certificates),
            retries=own.retries if options.retries is None else options.retries,
        )

    def _cache_under(self, asked: CacheOptions) -> CacheOptions:
        own = self.cache
        if asked.off:
            return asked
        found = replace(
            asked,
            repository=asked.repository or own.repository,
            sources=asked.sources or own.sources,
            targets=asked.targets or own.targets,
            ttl=own.ttl if asked.ttl is None else asked.ttl,
        )
        for name, of_repository in asked.about:
            if not found.repository and (of_repository or not (found.sources or found.targets)):
                what = "no cache in a repository" if of_repository else "no cache"
                raise UsageError(f"{name}: there is {what}", hint=_NO_CACHE)
        return found


def read_settings(path: Path) -> Settings:
    """The settings in the file at ``path``; none where there is no such file. Raises UsageError."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return Settings()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path.name} cannot be read: {error}") from error
    import tomli  # here: most projects have no such file

    try:
        return parse_settings(tomli.loads(text))
    except tomli.TOMLDecodeError as error:
        raise UsageError(f"{path.name}: {error}") from error


def parse_settings(value: Mapping[str, Any]) -> Settings:
    """Settings from the tables of the file. Raises UsageError naming the key that is wrong."""
    top = _Table(FILE, dict(value))
    nothing: dict[str, Any] = {}
    none: tuple[str, ...] = ()
    no_pairs: Pairs = ()
    registry = _Table(f"{FILE}: registry", top.take("registry", _table, nothing))
    mirrors = registry.take("mirrors", _table, nothing)
    registries = RegistryOptions(
        insecure=registry.take("insecure", _texts, none),
        skip_tls_verify=registry.take("skip-tls-verify", _texts, none),
        mirrors=tuple(
            (host, place)
            for host in mirrors
            for place in _Table(f"{FILE}: registry.mirrors", mirrors).take(host, _texts, none)
        ),
        certificates=registry.take("certificates", _pairs, no_pairs),
        retries=registry.take("retries", _count, None),
    )
    registry.end()
    settings = Settings(
        isolation=top.take("isolation", _text, _DEFAULTS.isolation),
        platform=top.take("platform", _text, _DEFAULTS.platform),
        build_args=top.take("build-args", _pairs, no_pairs),
        labels=top.take("labels", _pairs, no_pairs),
        registry=registries,
        cache=_cache(_Table(f"{FILE}: cache", top.take("cache", _table, nothing))),
    )
    top.end()
    return settings


def _cache(table: _Table) -> CacheOptions:
    def places(key: str) -> tuple[CachePlace, ...]:
        none: tuple[str, ...] = ()
        return options.cache_places(table.take(key, _texts, none), f"{FILE}: cache: {key}")

    ttl = table.take("ttl", _text, "")
    found = CacheOptions(
        repository=options.repository(table.take("repo", _text, ""), f"{FILE}: cache: repo"),
        sources=places("from"),
        targets=places("to"),
        ttl=options.age(ttl, f"{FILE}: cache: ttl") if ttl else None,
    )
    table.end()
    return found


class _Table:
    """A table whose every key must be taken."""

    def __init__(self, name: str, value: Mapping[str, Any]) -> None:
        self._name = name
        self._left = dict(value)

    def take(self, key: str, read: Callable[[Any], Value], default: Value) -> Value:
        if key not in self._left:
            return default
        try:
            return read(self._left.pop(key))
        except (TypeError, ValueError) as error:
            raise UsageError(f"{self._name}: {key}: {error}") from error

    def end(self) -> None:
        for key in self._left:
            raise UsageError(f"{self._name}: unknown key {key!r}", hint="docs/settings.md lists the keys")


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("expected a text")
    return value


def _texts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise TypeError("expected a list of texts")
    return tuple(_text(item) for item in value)


def _table(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError("expected a table")
    return value


def _pairs(value: Any) -> Pairs:
    if not all(isinstance(item, str) for item in _table(value).values()):
        raise ValueError("expected a table of texts")
    return tuple(_table(value).items())


def _count(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError("expected a number, 0 or more")
    return value


def _merged(settings: Pairs, own: Pairs) -> Pairs:
    named = {name for name, _ in own}
    return (*(pair for pair in settings if pair[0] not in named), *own)
