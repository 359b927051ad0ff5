"""The secrets that open git repositories for ADD (docker's documentation, "Git authentication for remote
contexts"): ``--secret id=GIT_AUTH_TOKEN`` or ``GIT_AUTH_HEADER``, for one host with ``.HOST`` behind."""

from __future__ import annotations

from urllib.parse import urlsplit

from ci_builder.context.git import Remote
from ci_builder.errors import ContextError
from ci_builder.request import SecretSpec
from ci_builder.values import replace

_USER = "x-access-token"


def with_secrets(remote: Remote, secrets: tuple[SecretSpec, ...]) -> Remote:
    """``remote`` with what ``secrets`` have for its host, unless its URL has a login. Raises ContextError
    for a secret that cannot be read."""
    parts = urlsplit(remote.url)
    if parts.scheme not in ("http", "https") or remote.username or remote.password:
        return remote
    by_id = {secret.id: secret for secret in secrets}
    for suffix in (f".{parts.netloc}", f".{parts.hostname}", ""):
        if header := by_id.get(f"GIT_AUTH_HEADER{suffix}"):
            return replace(remote, authorization=_read(header))
        if token := by_id.get(f"GIT_AUTH_TOKEN{suffix}"):
            return replace(remote, username=_USER, password=_read(token))
    return remote


def _read(secret: SecretSpec) -> str:
    if secret.source is None:
        return secret.value.strip()
    try:
        return secret.source.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ContextError(f"the secret {secret.id} cannot be read: {error}") from error
