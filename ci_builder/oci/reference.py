"""Image references, normalised as docker does (distribution/reference; docs of ``docker tag``)."""

from __future__ import annotations

from ci_builder.errors import InvalidValue
from ci_builder.oci.digest import Digest
from ci_builder.patterns import pattern
from ci_builder.values import dataclass, replace

DOCKER_HUB = "docker.io"
_TAG = pattern(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_PATH = pattern(r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*")
_HOST = pattern(r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?)(?::[0-9]+)?")


@dataclass(frozen=True, slots=True, order=True)
class Reference:
    """``registry/repository[:tag][@digest]``; ``tag`` is empty when only a digest was given."""

    registry: str
    repository: str
    tag: str = ""
    digest: Digest | None = None

    @staticmethod
    def parse(text: str) -> Reference:
        """Parse as docker does: ``debian`` is ``docker.io/library/debian:latest``. Raises InvalidValue."""
        name, at, digest_text = text.partition("@")
        digest = Digest.parse(digest_text) if at else None
        slash = name.rfind("/")
        colon = name.find(":", slash + 1)
        tag = name[colon + 1 :] if colon >= 0 else ""
        path = name[:colon] if colon >= 0 else name
        if colon >= 0 and not _TAG.fullmatch(tag):
            raise InvalidValue("image reference", text, f"the tag {tag!r} is not allowed")
        registry, repository = _split_host(path)
        if not _HOST.fullmatch(registry):
            raise InvalidValue("image reference", text, f"{registry!r} is not a host name")
        for part in repository.split("/"):
            if not _PATH.fullmatch(part):
                hint = "repository names are lower case" if part != part.lower() else ""
                raise InvalidValue("image reference", text, f"{part!r} is not allowed in a name", hint=hint)
        if len(registry) + 1 + len(repository) > 255:
            raise InvalidValue("image reference", text, "the name is longer than 255 characters")
        return Reference(registry, repository, tag or ("" if digest else "latest"), digest)

    @property
    def name(self) -> str:
        """``registry/repository``."""
        return f"{self.registry}/{self.repository}"

    @property
    def familiar(self) -> str:
        """The name as docker prints it: without docker.io/ and library/."""
        name = self.name
        if self.registry == DOCKER_HUB:
            name = self.repository.removeprefix("library/")
            if "/" in name and name != self.repository:
                name = self.repository
        return name + self._suffix()

    def with_digest(self, digest: Digest) -> Reference:
        """The same name pinned to ``digest`` (the tag is kept)."""
        return replace(self, digest=digest)

    def _suffix(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        return tag + (f"@{self.digest}" if self.digest else "")

    def __str__(self) -> str:
        return self.name + self._suffix()


def _split_host(path: str) -> tuple[str, str]:
    first, slash, rest = path.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost" or first != first.lower()):
        host = DOCKER_HUB if first in ("index.docker.io", "registry-1.docker.io") else first
        repository = rest
    else:
        host, repository = DOCKER_HUB, path
    if host == DOCKER_HUB and "/" not in repository:
        repository = f"library/{repository}"
    return host, repository
