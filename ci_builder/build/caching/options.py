"""How a build uses caches, out of its Request."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from ci_builder.build.caching.layer_cache import LayerCache
from ci_builder.build.caching.own_layers import repositories_of, stages_of
from ci_builder.build.caching.rules import Rules
from ci_builder.build.caching.stage_cache import Kinds
from ci_builder.build.caching.writing import Target
from ci_builder.build.mounts.kept import MountPlaces
from ci_builder.build.plan import Plan
from ci_builder.build.special_args import wants_inline_cache
from ci_builder.build.targets import targets_of
from ci_builder.cache.folder import FolderCache
from ci_builder.cache.interface import Cache
from ci_builder.cache.mounts_registry import RegistryMounts
from ci_builder.cache.registry import RegistryCache
from ci_builder.cache.scope import Scope
from ci_builder.dockerfile.stages import Stage
from ci_builder.errors import Unsupported, UsageError, did_you_mean
from ci_builder.oci.platform import Platform
from ci_builder.oci.reference import Reference
from ci_builder.outputs.choose import Wanted
from ci_builder.progress import Progress
from ci_builder.registry.client import Registry
from ci_builder.request import TTL, CacheOptions, CachePlace, Request
from ci_builder.values import dataclass, replace

TYPES = ("registry", "local", "inline")
_KNOWN = {
    ("registry", "from"): frozenset({"ref"}),
    ("registry", "to"): frozenset({"ref", "mode"}),
    ("local", "from"): frozenset({"src", "tag"}),
    ("local", "to"): frozenset({"dest", "tag", "mode"}),
    ("inline", "to"): frozenset(),
}
_DONE_ANYWAY = frozenset({("image-manifest", "true"), ("oci-mediatypes", "true"), ("ignore-error", "true")})
"""Attributes of buildx' places to write to, with the values that ask for what every cache here is."""
_ELSEWHERE = ("gha", "s3", "azblob", "gcs")
_INSTEAD = (
    "let a registry keep it: --cache-repo REPOSITORY, or type=registry,ref=NAME:TAG; in a CI job the input "
    "cache: true takes the image's own repository"
)
_TAG = "latest"


@dataclass(frozen=True, slots=True)
class Caching:
    """``now`` gives seconds since 1970, ``inline``: the image says how its layers were made. ``mounts`` are
    for the caches of RUN --mount."""

    request: Request
    platform: Platform
    registry: Registry
    outputs: tuple[Wanted, ...]
    sources: tuple[Cache, ...]
    targets: tuple[Target, ...]
    inline: bool
    now: Callable[[], int]
    mounts: MountPlaces = MountPlaces()

    @property
    def kinds(self) -> Kinds:
        """Which steps take part."""
        return Kinds(self.request.cache.run, self.request.cache.copy)

    def open(self, planned: Plan, progress: Progress) -> LayerCache:
        """Read what there is, for a build as ``planned``."""
        sources = () if self.request.no_cache else self.sources
        keeps = bool(self.targets) or self.inline
        asked, final = self.request.cache.ttl, planned.of_images
        ttl = TTL if asked is None else asked
        repositories = repositories_of(self.request, self.outputs)
        own = stages_of(repositories, planned, self.request, self.outputs)
        rules = Rules(ttl, self.now, final, own, keeps=keeps, anew=not sources)
        return LayerCache(sources, self.targets, rules, progress)

    def forced(self, planned: Plan) -> frozenset[int]:
        """The numbers of the stages that are built anew."""
        stages = tuple(stage.stage for stage in planned.stages)
        if self.request.no_cache:
            return frozenset(stage.index for stage in stages)
        without = {name.lower() for name in self.request.cache.without}
        return frozenset(stage.index for stage in stages if {stage.name, str(stage.index)} & without)


def check_stages_without(names: tuple[str, ...], stages: tuple[Stage, ...]) -> None:
    """Raise UsageError for a name of --no-cache-filter that no stage has."""
    known = [name for stage in stages for name in (stage.name, str(stage.index)) if name]
    for name in names:
        if name.lower() not in known:
            text = f"--no-cache-filter: there is no stage {name!r}"
            number = name.lower().removeprefix("stage-")  # as the log calls those without a name
            by_number = f"a stage without a name is called by its number: {number}"
            raise UsageError(
                text,
                hint=by_number if number.isdigit() and number in known else did_you_mean(name.lower(), known),
            )


def caching_for(
    request: Request,
    outputs: Sequence[Wanted],
    platform: Platform,
    registry: Registry,
    now: Callable[[], int],
) -> Caching:
    """What the Request asks for; the scope is named by the first target of the ``outputs``. Raises
    UsageError, Unsupported, InvalidValue."""
    options = request.cache
    if options.off:
        return Caching(request, platform, registry, tuple(outputs), (), (), False, now)
    sources: list[Cache] = [_source(place, platform, registry) for place in options.sources]
    targets = [
        _target(place, platform, registry) for place in options.targets if _checked(place, "to") != "inline"
    ]
    inline = any(place.type == "inline" for place in options.targets)
    inline = inline or wants_inline_cache(request.build_args)
    scopes = _scopes(request, next(iter(targets_of(request, outputs)), request.target), platform)
    if options.repository:
        repository = Reference.parse(options.repository)
        scoped = [RegistryCache(registry, _at(repository, scope.tag), platform) for scope in scopes]
        sources += scoped
        apart = repository.name not in repositories_of(request, outputs)
        targets.append(Target(scoped[0], options.everything and apart, repository.name))
    kept = tuple(targets) if options.keep else ()
    mounts = _mounts(request, outputs, scopes, registry)
    return Caching(request, platform, registry, tuple(outputs), tuple(sources), kept, inline, now, mounts)


def folders_of(options: CacheOptions) -> tuple[Path, ...]:
    """The folders that hold caches."""
    places = [place for place in (*options.sources, *options.targets) if place.type == "local"]
    names = [value for place in places for key, value in place.attributes if key in ("src", "dest")]
    return tuple(Path(name) for name in dict.fromkeys(names) if name)


def written_folders_of(options: CacheOptions) -> tuple[Path, ...]:
    """Those of them that are written to."""
    return folders_of(CacheOptions(targets=options.targets))


def _scopes(request: Request, target: str, platform: Platform) -> list[Scope]:
    tagged = Reference.parse(request.tags[0]).name if request.tags else ""
    image = request.cache.image or tagged
    branches = dict.fromkeys(request.cache.branches or ("",))
    return [Scope(image, target, str(platform), branch) for branch in branches]


def _mounts(
    request: Request, outputs: Sequence[Wanted], scopes: Sequence[Scope], registry: Registry
) -> MountPlaces:
    options = request.cache
    if not options.bring_mounts and not options.send_mounts:
        return MountPlaces()
    if not options.repository:
        raise UsageError("there is no repository for the caches of RUN --mount")
    repository = Reference.parse(options.repository)
    if options.send_mounts and repository.name in repositories_of(request, outputs):
        text = f"--cache-mounts: {options.repository} is the image's own: whoever may pull it could read them"
        raise UsageError(text, hint="name another repository with --cache-repo")
    places = tuple(
        RegistryMounts(registry, _at(repository, scope.mounts_tag), Platform.parse(scope.platform))
        for scope in scopes
    )
    brings = options.bring_mounts and not request.no_cache
    return MountPlaces(
        places if brings else (),
        places[:1] if options.send_mounts and options.keep else (),
        options.mounts_limit,
    )


def _at(repository: Reference, tag: str) -> Reference:
    return replace(repository, tag=tag, digest=None)


def _source(place: CachePlace, platform: Platform, registry: Registry) -> Cache:
    kind = _checked(place, "from")
    given = dict(place.attributes)
    if kind == "registry":
        return RegistryCache(registry, Reference.parse(_needed(place, "from", "ref")), platform)
    folder = Path(_needed(place, "from", "src"))
    return FolderCache(folder, given.get("tag", _TAG), platform)


def _target(place: CachePlace, platform: Platform, registry: Registry) -> Target:
    given = dict(place.attributes)
    mode = given.get("mode", "min")
    if mode not in ("min", "max"):
        raise UsageError(f"--cache-to: the mode is min or max, not {mode!r}")
    if place.type == "registry":
        reference = Reference.parse(_needed(place, "to", "ref"))
        if reference.digest is not None:
            text = f"--cache-to: {reference} has a digest, and nobody knows that of a cache before it is made"
            raise UsageError(text, hint="name a tag")
        cache = RegistryCache(registry, reference, platform)
        return Target(cache, mode == "max", reference.name, may_be_fixed=True)
    folder = Path(_needed(place, "to", "dest"))
    return Target(FolderCache(folder, given.get("tag", _TAG), platform), mode == "max")


def _checked(place: CachePlace, way: str) -> str:
    """The type, known and with known attributes only."""
    flag = f"--cache-{way}"
    if place.type in _ELSEWHERE:
        raise Unsupported(f"{flag} type={place.type} is not supported", hint=_INSTEAD)
    if place.type not in TYPES:
        raise UsageError(f"{flag}: unknown type {place.type!r}", hint=f"there are: {', '.join(TYPES)}")
    known = _KNOWN.get((place.type, way))
    if known is None:
        raise UsageError(f"{flag} type={place.type}: it is read by type=registry,ref=IMAGE")
    for name, value in place.attributes:
        if name not in known and not (way == "to" and (name, value) in _DONE_ANYWAY):
            hint = f"there are: {', '.join(sorted(known)) or 'none'}"
            raise UsageError(f"{flag} type={place.type}: unknown attribute {name!r}", hint=hint)
    return place.type


def _needed(place: CachePlace, way: str, name: str) -> str:
    value = dict(place.attributes).get(name, "")
    if not value:
        raise UsageError(f"--cache-{way} type={place.type}: {name}=… is missing")
    return value
