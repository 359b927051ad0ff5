"""Every flag of kaniko's executor (its Google, Chainguard and osscontainertools releases)."""

from __future__ import annotations

from ci_builder.cli.kaniko.words import Flag, Words
from ci_builder.errors import Unsupported
from ci_builder.values import dataclass

SUPPORTED = (
    Flag(
        "dockerfile",
        "text",
        "the Dockerfile, relative to the context or the working directory, or a URL",
        "f",
    ),
    Flag(
        "context",
        "text",
        "a folder, dir://, tar://, tar://stdin, git:// or http(s) (default: /workspace/)",
        "c",
    ),
    Flag("context-sub-path", "text", "a folder inside the context"),
    Flag(
        "git", "text", "branch=NAME of a git:// context; single-branch and depth change nothing in the result"
    ),
    Flag("destination", "list", "push to this reference; repeatable", "d"),
    Flag("build-arg", "list", "NAME=VALUE, or NAME for the variable of that name; repeatable"),
    Flag("label", "list", "KEY=VALUE for the image's config; repeatable"),
    Flag("annotation", "list", "KEY=VALUE for the manifest; repeatable"),
    Flag("target", "list", "build this stage; repeatable: the first one is the image"),
    Flag("secret", "list", "id=NAME[,src=FILE|,env=VAR]; repeatable"),
    Flag("custom-platform", "text", "os/arch[/variant] of bases and result", old="customPlatform"),
    Flag("no-push", "switch", "do not push"),
    Flag("tar-path", "text", "write an archive for docker load to this file", old="tarPath"),
    Flag("oci-layout-path", "text", "write an OCI layout to this folder"),
    Flag("compression", "text", "gzip or zstd, of new layers"),
    Flag("compression-level", "number", "0 to 9 for gzip, 1 to 22 for zstd; -1 for the usual one"),
    Flag("image-format", "text", "oci or docker: media types (default: those of the base)"),
    Flag("reproducible", "switch", "files of new layers and the image have the time 0, 1970-01-01"),
    Flag("cache", "switch", "look for layers of earlier builds, and keep new ones"),
    Flag(
        "cache-repo",
        "text",
        "the repository of the cache, or oci:FOLDER (default: the first destination's with /cache behind it; "
        "on Docker Hub, which has no such names, the destination's own)",
    ),
    Flag("cache-ttl", "text", "how long after its last use a layer is found (default: 336h)"),
    Flag(
        "cache-copy-layers",
        "switch",
        "layers of COPY, ADD and WORKDIR, too (default: true; with false a RUN after a COPY is found only if "
        "the COPY gives the same layer again, with the same times: see --reproducible)",
    ),
    Flag("cache-run-layers", "switch", "layers of RUN, too (default: true)"),
    Flag("no-push-cache", "switch", "look for layers, keep none"),
    Flag("digest-file", "text", "write the manifest's digest to this file"),
    Flag("image-name-with-digest-file", "text", "write a line REPOSITORY@DIGEST for each destination"),
    Flag(
        "image-name-tag-with-digest-file", "text", "write a line REPOSITORY:TAG@DIGEST for each destination"
    ),
    Flag("insecure", "switch", "plain HTTP is allowed for the destinations"),
    Flag("insecure-pull", "switch", "plain HTTP is allowed for every registry"),
    Flag("insecure-registry", "list", "plain HTTP is allowed for this host; repeatable"),
    Flag("skip-tls-verify", "switch", "do not verify the certificates of the destinations"),
    Flag("skip-tls-verify-pull", "switch", "do not verify the certificate of any registry"),
    Flag("skip-tls-verify-registry", "list", "do not verify the certificate of this host; repeatable"),
    Flag("registry-mirror", "list", "a mirror of docker.io; repeatable"),
    Flag("registry-map", "list", "HOST=MIRROR[;HOST=MIRROR]; repeatable"),
    Flag("registry-certificate", "list", "HOST=FILE, a CA bundle; repeatable"),
    Flag("registry-client-cert", "list", "HOST=CERT,KEY; repeatable"),
    Flag("push-retry", "number", "tries after the first one, at least 5 in any case"),
    Flag("image-download-retry", "number", "tries after the first one, at least 5 in any case"),
    Flag("image-fs-extract-retry", "number", "tries after the first one, at least 5 in any case"),
    Flag(
        "force", "switch", "/ may be replaced although this is not the builder image: use only in a container"
    ),
    Flag("verbosity", "text", "panic, fatal, error (no progress), warn, info, debug or trace", "v"),
    Flag("log-format", "text", "text, color or json"),
    Flag("help", "switch", "this text", "h"),
)


@dataclass(frozen=True, slots=True)
class Technique:
    """A flag about how kaniko works. ``fulfilled``: the values that this program's behaviour fulfils,
    whatever it does inside; ``why``: how it does, or what to do for all other values."""

    flag: Flag
    fulfilled: tuple[str, ...]
    why: str


_SAME = "whatever the mode, changes are found as exactly as by comparing contents"

TECHNIQUES = (
    Technique(Flag("snapshot-mode", "text", "", old="snapshotMode"), ("full", "redo", "time"), _SAME),
    Technique(Flag("use-new-run", "switch", ""), ("true", "false"), _SAME),
    Technique(
        Flag("single-snapshot", "switch", ""), ("false",), "remove it: each instruction gets its layer"
    ),
    Technique(
        Flag("cache-dir", "text", ""),
        (),
        "remove it: bases come from their registry, and only where a step is not in the cache; "
        "--registry-mirror names one nearby",
    ),
    Technique(Flag("compressed-caching", "switch", ""), ("true", "false"), "layers are never held in memory"),
    Technique(Flag("pre-cleanup", "switch", ""), ("true", "false"), "every build starts from its base alone"),
    Technique(Flag("cleanup", "switch", ""), ("true", "false"), "every build starts from its base alone"),
    Technique(Flag("preserve-context", "switch", ""), ("true", "false"), "the context is never touched"),
    Technique(
        Flag("materialize", "switch", ""), ("false",), "write --output type=local with the command build"
    ),
    Technique(Flag("kaniko-dir", "text", ""), (), "remove it: the builder's own folder is not in the image"),
    Technique(
        Flag("ignore-var-run", "switch", "", old="whitelist-var-run"),
        ("false",),
        "remove it: /var/run is like every folder, as for docker",
    ),
    Technique(Flag("ignore-path", "list", ""), (), "remove the files in the RUN that makes them"),
    Technique(Flag("bucket", "text", "", "b"), (), "download the archive in the job: --context tar://FILE"),
    Technique(
        Flag("skip-unused-stages", "switch", ""),
        ("true",),
        "remove it: stages that nothing needs are never built",
    ),
    Technique(Flag("force-build-metadata", "switch", ""), ("false",), "remove it"),
    Technique(
        Flag("skip-push-permission-check", "switch", ""),
        ("false",),
        "remove it: the check begins an upload, which works wherever a push does",
    ),
    Technique(
        Flag("push-ignore-immutable-tag-errors", "switch", ""),
        ("false",),
        "remove it: an error of the registry is an error",
    ),
    Technique(
        Flag("skip-default-registry-fallback", "switch", ""),
        ("false",),
        "remove it: after its mirrors a registry itself is asked",
    ),
    Technique(
        Flag("credential-helpers", "list", ""),
        (),
        "remove it: docker's config.json says which helpers are asked",
    ),
    Technique(Flag("dryrun", "switch", ""), ("false",), "ask the command plan what a build would do"),
    Technique(
        Flag("log-timestamp", "switch", ""),
        ("false",),
        "remove it: each line tells the seconds since its step began",
    ),
)

FLAGS = SUPPORTED + tuple(item.flag for item in TECHNIQUES)


def refuse_unfulfilled(words: Words) -> None:
    """Accept what this program fulfils by its nature; raise Unsupported for everything else."""
    for item in TECHNIQUES:
        for value in words.all(item.flag.name):
            if _normal(item.flag, value) not in item.fulfilled:
                shown = f"--{item.flag.name}={value}"
                raise Unsupported(f"{shown} is not supported in this version", hint=item.why)


def _normal(flag: Flag, value: str) -> str:
    if flag.kind != "switch":
        return value
    return "true" if Words({flag.name: (value,)}).switch(flag.name) else "false"
