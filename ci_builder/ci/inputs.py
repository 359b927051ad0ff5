"""The inputs of a CI job by their names: from GitHub's one JSON variable or from CI_BUILDER_* variables."""

from __future__ import annotations

from collections.abc import Mapping

from ci_builder.ci.entries import entries
from ci_builder.errors import Unsupported, UsageError, did_you_mean
from ci_builder.options import boolean
from ci_builder.untrusted import from_json
from ci_builder.values import dataclass, field

JSON_VARIABLE = "CI_BUILDER_INPUTS"
PREFIX = "CI_BUILDER_"

NAMES = frozenset(
    """context context-sub-path file target tags repository labels annotations build-args build-contexts
    platforms push outputs no-cache no-cache-filters pull
    cache cache-repo cache-branches cache-from cache-to cache-ttl cache-mounts cache-mounts-max-size
    secrets secret-envs secret-files ssh
    registry username password github-token
    insecure-registries skip-tls-verify-registries registry-mirrors registry-certificates
    isolation disposable network ulimit run-timeout metadata-file digest-file summary""".split()
)
"""Every input that is acted on."""

_RESERVED = frozenset("INPUTS HOME IMAGE IMAGE_ID IMAGE_TAGS DIGEST".split())
"""Variables with the prefix that are no inputs: the store's folder, and what a former job reported."""

_ATTEST = "set it to false: this version attests nothing"
_RUNTIME = "remove it: this version does not change how RUN commands run"
UNSUPPORTED: Mapping[str, tuple[frozenset[str], str]] = {
    "load": (frozenset({"false"}), "there is no docker daemon; use outputs: type=docker,dest=image.tar"),
    "attests": (
        frozenset({"type=provenance,disabled=true", "type=sbom,disabled=true"}),
        "remove it: this version attests nothing",
    ),
    "sbom": (frozenset({"false"}), _ATTEST),
    "provenance": (frozenset({"false"}), _ATTEST),
    "add-hosts": (frozenset(), _RUNTIME),
    "shm-size": (frozenset(), _RUNTIME),
    "cgroup-parent": (frozenset(), _RUNTIME),
    "allow": (frozenset(), "remove it: nothing needs an entitlement here"),
    "builder": (frozenset({"default"}), "remove it: there are no builder instances here"),
    "call": (frozenset({"build"}), "only builds are made; ci-builder build --check lints"),
}
"""docker's other inputs: the values that change nothing, and what to do instead."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """Inputs by name; one that is missing is empty."""

    values: Mapping[str, str] = field(default_factory=dict, repr=False)

    def text(self, name: str) -> str:
        """The value without surrounding white space."""
        return self.values.get(name, "").strip()

    def flag(self, name: str, default: bool) -> bool:
        """The value as a boolean, ``default`` if it is empty. Raises UsageError."""
        text = self.text(name)
        return boolean(text, name) if text else default

    def lines(self, name: str, *, commas: bool = False) -> list[str]:
        """The entries of a list: one a line, with ``commas`` also several; a quoted one may span lines.
        Lines that begin with ``#`` are comments. Raises UsageError."""
        return entries(self.values.get(name, ""), name, commas=commas)


def read_inputs(environment: Mapping[str, str]) -> Inputs:
    """The job's inputs; the JSON variable wins over the single ones.

    Raises UsageError for an unknown name or malformed JSON, Unsupported for a value that is not supported.
    """
    values = _from_variables(environment)
    values.update({name: text for name, text in _from_json(environment).items() if text.strip()})
    for name, text in values.items():
        _refuse_unsupported(name, text)
    return Inputs({name: text for name, text in values.items() if name in NAMES})


def variable(name: str) -> str:
    """The variable that gives the input ``name`` where there are only variables."""
    return PREFIX + name.upper().replace("-", "_")


def _from_variables(environment: Mapping[str, str]) -> dict[str, str]:
    known = {variable(name): name for name in (*NAMES, *UNSUPPORTED)}
    values = {}
    for key in sorted(environment):
        if not key.startswith(PREFIX) or key.removeprefix(PREFIX) in _RESERVED:
            continue
        if key not in known:
            raise UsageError(f"the variable {key} is no input of ci_builder", hint=did_you_mean(key, known))
        values[known[key]] = environment[key]
    return values


def _from_json(environment: Mapping[str, str]) -> dict[str, str]:
    text = environment.get(JSON_VARIABLE, "")
    if not text.strip():
        return {}
    try:
        found = from_json(text)
    except ValueError as error:
        raise UsageError(f"{JSON_VARIABLE} is not JSON") from error
    if not isinstance(found, dict):
        raise UsageError(f"{JSON_VARIABLE} is not a JSON object")
    unknown = sorted(found.keys() - NAMES - UNSUPPORTED.keys())
    if unknown:
        hint = did_you_mean(unknown[0], (*NAMES, *UNSUPPORTED))
        raise UsageError(f"there is no input {unknown[0]!r}", hint=hint)
    return {name: _as_text(name, value) for name, value in found.items()}


def _as_text(name: str, value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool | int | float):
        return str(value).lower()
    if value is None:
        return ""
    raise UsageError(f"the input {name} is not text")


def _refuse_unsupported(name: str, text: str) -> None:
    if name not in UNSUPPORTED:
        return
    harmless, advice = UNSUPPORTED[name]
    if not harmless.issuperset(line.strip().lower() for line in text.split("\n") if line.strip()):
        raise Unsupported(f"this value of the input {name} is not supported", hint=advice)
