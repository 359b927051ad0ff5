"""What is asked of a build, and what came of it: plain values, made by ci/ and cli/, read by build/."""

from __future__ import annotations

from pathlib import Path

from ci_builder.values import dataclass, field

RETRIES = 5
TTL = 14 * 24 * 3600
"""Seconds."""
MOUNTS_LIMIT = 1_000_000_000
"""Bytes."""


@dataclass(frozen=True, slots=True)
class Login:
    """Credentials for one registry (its host, or host/path for path-scoped ones).

    Either ``username`` and ``password``, or an ``identity_token`` (an OAuth2 refresh token), or a
    ``registry_token`` (sent as it is, as a Bearer token). The secrets are kept out of ``repr``.
    """

    registry: str
    username: str = ""
    password: str = field(default="", repr=False)
    identity_token: str = field(default="", repr=False)
    registry_token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class OutputSpec:
    """One ``--output``: ``type`` is image, oci, docker, local or tar; ``dest`` a path, ``-`` for
    standard output, or empty; ``attributes`` the remaining key=value pairs in their order."""

    type: str
    dest: str = ""
    attributes: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Annotation:
    """One annotation. ``level`` is manifest, index, manifest-descriptor or index-descriptor; ``platform``
    that of the images it is for, empty for all."""

    key: str
    value: str
    level: str = "manifest"
    platform: str = ""


@dataclass(frozen=True, slots=True)
class SecretSpec:
    """One ``--secret``: its id and where its value comes from (exactly one of the two)."""

    id: str
    source: Path | None = None
    value: str = field(default="", repr=False)


UNLIMITED = -1
NETWORKS = ("default", "none", "host")


@dataclass(frozen=True, slots=True)
class ResourceLimit:
    """One ``--ulimit``: ``name`` as in docker (``nofile``, ``nproc`` …), in the units of setrlimit(2),
    UNLIMITED for none."""

    name: str
    soft: int
    hard: int


@dataclass(frozen=True, slots=True)
class CommandOptions:
    """How RUN commands run. ``network`` is that of the ones that do not say, ``seconds`` what each may take
    (0: as long as it wants)."""

    network: str = "default"
    limits: tuple[ResourceLimit, ...] = ()
    seconds: float = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryOptions:
    """How registries are reached. Hosts as in a reference (``example.com:5000``).

    insecure          plain HTTP allowed for these hosts (loopback is always allowed); ``*`` for all
    skip_tls_verify   certificate not verified for these hosts; ``*`` for all
    mirrors           (registry host, mirror ``host[/path]``) pairs, tried in order before the registry
    certificates      (host or ``*``, path of a PEM bundle) pairs
    client_certificates  (host, certificate path, key path)
    retries           tries after the first one, for temporary failures; None: not said, so RETRIES
    """

    insecure: tuple[str, ...] = ()
    skip_tls_verify: tuple[str, ...] = ()
    mirrors: tuple[tuple[str, str], ...] = ()
    certificates: tuple[tuple[str, str], ...] = ()
    client_certificates: tuple[tuple[str, str, str], ...] = ()
    retries: int | None = None


@dataclass(frozen=True, slots=True)
class CachePlace:
    """One ``--cache-from`` or ``--cache-to``: ``type`` is registry, local or inline, ``attributes`` the
    key=value pairs in their order."""

    type: str
    attributes: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheOptions:
    """Where layers of earlier builds are looked for, and where new ones go.

    sources, targets  in their order
    repository        where a cache for this image, target, platform and branch is kept by itself, or empty
    branches          whose caches are read there, in order; the first one's is written (none: one for all)
    image             the name that the cache there is for, empty: that of the first tag
    everything        there, layers of all stages are kept (mode=max), else those of the image; in the image's
                      own repository it is always those
    ttl               seconds after its last use in which a layer is found, 0: for ever; None: not said
    run, copy         whether RUN, and whether COPY, ADD and WORKDIR take part
    without           stages that are built anew
    keep              whether new layers are kept, else they are only looked for
    off               none of all this, whatever ci_builder.toml says
    bring_mounts      empty caches of RUN --mount come from ``repository`` where they are there
    send_mounts       those that have changed go there, as long as all of them have at most ``mounts_limit``
                      bytes
    about             (name, of a repository) of what was given that says something of a cache, or of one in
                      ``repository``, and nothing where there is none
    """

    sources: tuple[CachePlace, ...] = ()
    targets: tuple[CachePlace, ...] = ()
    repository: str = ""
    branches: tuple[str, ...] = ()
    image: str = ""
    everything: bool = True
    ttl: int | None = None
    run: bool = True
    copy: bool = True
    without: tuple[str, ...] = ()
    keep: bool = True
    off: bool = False
    bring_mounts: bool = False
    send_mounts: bool = False
    mounts_limit: int = MOUNTS_LIMIT
    about: tuple[tuple[str, bool], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A build, fully described. Paths are as given; relative ones count from the working directory.

    context           a directory, ``-`` (a tar on standard input), an archive, a git or http(s) URL
    dockerfile        path of the Dockerfile; empty: ``Dockerfile`` in the context; ``-``: standard input
    tags              full references to name and, with ``push``, to push
    build_contexts    (name, ``dir``, ``docker-image://…``, ``oci-layout://…``) pairs
    target            the stage that outputs get that name none; empty: the last one
    more_targets      further stages to build
    epoch             the time of the image in seconds since 1970, whatever SOURCE_DATE_EPOCH says
    platform          ``os/arch[/variant]`` or empty for the host's
    isolation         ``auto`` or the name of an executor; empty: not said, so ``auto``
    parallelism       stages that are built at once, 0: what suits the machine
    disposable        the caller asserts that ``/`` may be replaced (kaniko's --force)
    """

    context: str = "."
    context_sub_path: str = ""
    dockerfile: str = ""
    tags: tuple[str, ...] = ()
    build_args: tuple[tuple[str, str], ...] = ()
    target: str = ""
    more_targets: tuple[str, ...] = ()
    outputs: tuple[OutputSpec, ...] = ()
    push: bool = False
    labels: tuple[tuple[str, str], ...] = ()
    annotations: tuple[Annotation, ...] = ()
    epoch: int | None = None
    build_contexts: tuple[tuple[str, str], ...] = ()
    no_cache: bool = False
    cache: CacheOptions = CacheOptions()
    parallelism: int = 0
    pull: bool = False
    platform: str = ""
    isolation: str = ""
    commands: CommandOptions = CommandOptions()
    disposable: bool = False
    secrets: tuple[SecretSpec, ...] = ()
    ssh: tuple[tuple[str, str], ...] = ()
    logins: tuple[Login, ...] = ()
    registry: RegistryOptions = RegistryOptions()
    iid_file: Path | None = None
    metadata_file: Path | None = None
    digest_file: Path | None = None
    name_digest_file: Path | None = None
    name_tag_digest_file: Path | None = None


@dataclass(frozen=True, slots=True)
class LayerReport:
    """One layer of the result: digest, compressed size in bytes, the instruction that made it, and
    whether it came with the base."""

    digest: str
    size: int
    created_by: str
    base: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a build produced. ``digest`` is the manifest's, ``image_id`` the config's: of the image that
    was pushed first, else of the first one that was written.

    ``tags`` and ``pushed`` are names of that image; ``written`` are lines for people about every output.
    ``is_image`` is false where all outputs are files of a root file system. ``created`` and ``platform``
    are the config's, ``annotations`` those of the manifest's descriptor.
    """

    digest: str
    image_id: str
    manifest_size: int
    media_type: str
    tags: tuple[str, ...]
    pushed: tuple[str, ...]
    written: tuple[str, ...]
    layers: tuple[LayerReport, ...]
    executor: str
    executor_reason: str
    seconds: float
    is_image: bool = True
    created: str = ""
    platform: str = ""
    annotations: tuple[tuple[str, str], ...] = ()
