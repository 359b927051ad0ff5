"""No secret is ever shown: what is printed goes through here first."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from urllib.parse import quote

from ci_builder.progress import Event, Notice, Progress, StepFinished, StepOutput, StepStarted, Transferred
from ci_builder.request import Login
from ci_builder.untrusted import as_bytes
from ci_builder.values import dataclass, field, replace

MASK = "***"
# A shorter one would blot out the log without hiding anything that cannot be guessed.
_SHORTEST = 3


@dataclass(frozen=True, slots=True)
class Secrets:
    """Texts that must not be shown; compares longest first, so that no end of one is left over."""

    texts: tuple[str, ...] = field(default=(), repr=False)

    @staticmethod
    def of(texts: Iterable[str]) -> Secrets:
        """``texts``, their lines and the form that they have in a URL; empty and very short ones are left
        out."""
        found: set[str] = set()
        for text in texts:
            for part in (text, text.strip(), *text.splitlines()):
                found |= {part, quote(as_bytes(part), safe="")}
        kept = [text for text in found if len(text.strip()) >= _SHORTEST]
        return Secrets(tuple(sorted(kept, key=lambda text: (-len(text), text))))

    def hide(self, text: str) -> str:
        """``text`` with every secret in it replaced."""
        for secret in self.texts:
            text = text.replace(secret, MASK)
        return text

    def hideas_bytes(self, data: bytes) -> bytes:
        """``data`` with every secret in it replaced."""
        for secret in self.texts:
            data = data.replace(as_bytes(secret), MASK.encode())
        return data

    def begun(self, data: bytes) -> int:
        """How many bytes at the end of ``data`` may be the beginning of a secret."""
        longest = 0
        for secret in self.texts:
            encoded = as_bytes(secret)
            for length in range(min(len(encoded) - 1, len(data)), longest, -1):
                if data.endswith(encoded[:length]):
                    longest = length
                    break
        return longest


NO_SECRETS = Secrets()
"""Hides nothing."""


def login_secrets(logins: Iterable[Login]) -> list[str]:
    """The secrets of ``logins`` and the form in which a password travels."""
    found = []
    for login in logins:
        found += [login.password, login.identity_token, login.registry_token]
        if login.password:
            pair = f"{login.username}:{login.password}"
            found.append(base64.b64encode(as_bytes(pair)).decode())
    return [text for text in found if text]


def url_secrets(texts: Iterable[str]) -> list[str]:
    """Passwords that stand in URLs (``https://user:password@host``)."""
    found = []
    for text in texts:
        for match in re.finditer(r"://([^/@\s]*)@", text):
            user, _, password = match[1].partition(":")
            found.append(password or user)
    return [text for text in found if text]


class MaskedProgress:
    """A Progress before another one that hides secrets, those that come in two pieces included.

    Called under the lock of whoever renders.
    """

    def __init__(self, secrets: Secrets, inner: Progress) -> None:
        self._secrets = secrets
        self._inner = inner
        self._held: dict[str, bytes] = {}

    def __call__(self, event: Event, /) -> None:
        """See Progress."""
        hide = self._secrets.hide
        if isinstance(event, StepOutput):
            self._output(event)
        elif isinstance(event, StepStarted):
            self._inner(replace(event, title=hide(event.title)))
        elif isinstance(event, StepFinished):
            self._flush(event.step)
            self._inner(replace(event, detail=hide(event.detail)))
        elif isinstance(event, Transferred):
            self._inner(replace(event, what=hide(event.what)))
        elif isinstance(event, Notice):
            self._inner(replace(event, text=hide(event.text)))

    def _output(self, event: StepOutput) -> None:
        data = self._secrets.hideas_bytes(self._held.pop(event.step, b"") + event.data)
        held = self._secrets.begun(data)
        if held:
            self._held[event.step] = data[-held:]
            data = data[:-held]
        if data:
            self._inner(StepOutput(event.step, data))

    def _flush(self, step: str) -> None:
        rest = self._held.pop(step, b"")
        if rest:
            self._inner(StepOutput(step, rest))
