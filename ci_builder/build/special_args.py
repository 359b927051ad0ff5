"""Build args that mean something to the builder (Dockerfile reference, "BuildKit built-in build args").

SOURCE_DATE_EPOCH is read by creation_time, BUILDKIT_DOCKERFILE_CHECK by checks, BUILDKIT_CACHE_MOUNT_NS by
the mounts. What would change the result and is not done here is an error, unless its value asks for what is
done anyway.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from ci_builder.dockerfile.directives import is_known_frontend
from ci_builder.errors import Unsupported, UsageError

_FRONTEND = "BUILDKIT_SYNTAX"
CHECK = "BUILDKIT_DOCKERFILE_CHECK"
_NOT_DONE: Mapping[str, str] = MappingProxyType(
    {
        "BUILDKIT_MULTI_PLATFORM": "the result is one image, never an index",
        "BUILDKIT_SANDBOX_HOSTNAME": "commands see the name of this machine",
    }
)
CACHE_NAMESPACE = "BUILDKIT_CACHE_MOUNT_NS"
_KEEP_GIT = "BUILDKIT_CONTEXT_KEEP_GIT_DIR"
_INLINE_CACHE = "BUILDKIT_INLINE_CACHE"
_NO = frozenset({"", "0", "f", "F", "false", "FALSE", "False"})
_YES = frozenset({"1", "t", "T", "true", "TRUE", "True"})
# Names what other tools show, and what goes into an SBOM, which is not made here.
_WITHOUT_EFFECT = frozenset({"BUILDKIT_BUILD_NAME", "BUILDKIT_SBOM_SCAN_CONTEXT", "BUILDKIT_SBOM_SCAN_STAGE"})
ENVIRONMENT_FREE = frozenset({"BUILDKIT_SBOM_SCAN_CONTEXT", "BUILDKIT_SBOM_SCAN_STAGE"})
"""ARGs of these names are no variables: instructions and commands do not see them."""
USED_WITHOUT_ARG = frozenset(
    {
        "SOURCE_DATE_EPOCH",
        _FRONTEND,
        CHECK,
        CACHE_NAMESPACE,
        _KEEP_GIT,
        _INLINE_CACHE,
        *_NOT_DONE,
        *_WITHOUT_EFFECT,
    }
)
"""Names that nothing in a Dockerfile needs to declare."""


def check_special_args(build_args: tuple[tuple[str, str], ...]) -> None:
    """Raises Unsupported for what this version does not do."""
    given = dict(build_args)
    frontend = given.get(_FRONTEND, "")
    if frontend and not is_known_frontend(frontend):
        raise Unsupported(f"the frontend {frontend} ({_FRONTEND}) is not supported")
    for name, reason in _NOT_DONE.items():
        if given.get(name, "") not in _NO:
            raise Unsupported(f"the build argument {name} is not supported: {reason}", hint="leave it out")


def keeps_git_folder(build_args: tuple[tuple[str, str], ...]) -> bool:
    """Whether ``.git`` of a git context is part of it. Raises UsageError."""
    return _switch(build_args, _KEEP_GIT)


def wants_inline_cache(build_args: tuple[tuple[str, str], ...]) -> bool:
    """Whether the image is to say how its layers were made, as with ``--cache-to type=inline``. Raises
    UsageError."""
    return _switch(build_args, _INLINE_CACHE)


def _switch(build_args: tuple[tuple[str, str], ...], name: str) -> bool:
    value = dict(build_args).get(name, "")
    if value not in _YES | _NO:
        raise UsageError(f"the build argument {name} is true or false, not {value!r}")
    return value in _YES
