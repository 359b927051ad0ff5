"""The values of --secret, in memory from the beginning: a build may replace the files they come from."""

from __future__ import annotations

from collections.abc import Sequence

from ci_builder.errors import CiBuilderError, UsageError
from ci_builder.request import SecretSpec
from ci_builder.values import dataclass, field

_MOST = 500 << 10  # bytes, as BuildKit's


@dataclass(frozen=True, slots=True)
class SecretValues:
    """Values by id; they are kept out of ``repr``."""

    _by_id: dict[str, bytes] = field(default_factory=dict, repr=False)

    @staticmethod
    def read(specs: Sequence[SecretSpec]) -> SecretValues:
        """Read them all. Raises UsageError for a file that cannot be read or is too large."""
        return SecretValues({spec.id: _value(spec) for spec in specs})

    def get(self, name: str) -> bytes | None:
        """The value of one, None where it was not given."""
        return self._by_id.get(name)

    def need(self, name: str) -> bytes:
        """The same. Raises CiBuilderError."""
        value = self.get(name)
        if value is None:
            hint = f"give it with --secret id={name},src=FILE or --secret id={name},env=VARIABLE"
            raise CiBuilderError(f"the secret {name} is required and was not given", hint=hint)
        return value


def _value(spec: SecretSpec) -> bytes:
    if spec.source is None:
        value = spec.value.encode("utf-8", "surrogateescape")
    else:
        try:
            with open(spec.source, "rb") as file:
                value = file.read(_MOST + 1)
        except OSError as error:
            raise UsageError(
                f"the secret {spec.id} cannot be read: {error.strerror}: {spec.source}"
            ) from error
    if len(value) > _MOST:
        raise UsageError(f"the secret {spec.id} has more than {_MOST >> 10} KiB")
    return value
