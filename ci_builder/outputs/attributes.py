"""The ``key=value`` attributes of one output: each is taken by somebody, or is an error."""

from __future__ import annotations

from ci_builder.errors import Unsupported, UsageError
from ci_builder.options import boolean
from ci_builder.request import OutputSpec

_ELSEWHERE = {
    "unpack": ("false", "remove it: there is no containerd to unpack it for"),
    "store": ("", "remove it: type=image without push=true goes into the embedded store, a push does not"),
    "oci-artifact": ("false", "remove it: this version attests nothing"),
    "name-canonical": ("false", "name the digest where the image is used"),
    "dangling-name-prefix": ("", "give the image a name"),
    "attestation-prefix": ("", "remove it: this version attests nothing"),
}
"""What BuildKit's outputs take as well: the value that changes nothing, and what to do instead."""


class Attributes:
    """Takes the attributes one after another; ``end`` refuses what is left."""

    def __init__(self, spec: OutputSpec) -> None:
        self.name = f"--output type={spec.type}"
        self._left = dict(spec.attributes)
        self._asked: list[str] = []

    def text(self, name: str) -> str:
        """The value of ``name``, empty without."""
        self._asked.append(name)
        return self._left.pop(name, "")

    def flag(self, name: str, default: bool) -> bool:
        """The value of ``name`` as true or false. Raises UsageError."""
        text = self.text(name)
        return boolean(text, f"{self.name}: {name}") if text else default

    def beginning(self, word: str) -> list[tuple[str, str]]:
        """Every attribute whose name begins with ``word``."""
        self._asked.append(f"{word}.KEY")
        found = [(key, value) for key, value in self._left.items() if key.startswith(word)]
        for key, _ in found:
            del self._left[key]
        return found

    def error(self, text: str, hint: str = "") -> UsageError:
        """An error about this output."""
        return UsageError(f"{self.name}: {text}", hint=hint)

    def end(self) -> None:
        """Raise UsageError for an attribute that nobody took, Unsupported for one that BuildKit has."""
        for key, value in self._left.items():
            if key in _ELSEWHERE and "name" in self._asked:
                harmless, hint = _ELSEWHERE[key]
                if value.lower() == harmless:
                    continue
                raise Unsupported(f"{self.name}: {key}={value} is not supported in this version", hint=hint)
            from difflib import get_close_matches  # here: for errors only

            close = get_close_matches(key, self._asked, n=1)
            known = ", ".join(sorted(self._asked))
            hint = f"did you mean {close[0]}?" if close else f"there are: {known}" if known else ""
            raise self.error(f"there is no attribute {key!r}", hint)
