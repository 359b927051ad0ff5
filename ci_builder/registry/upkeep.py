"""Tags listed and manifests deleted (distribution spec 1.1, "Content discovery", "Deleting manifests")."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urljoin, urlsplit

from ci_builder.errors import ImageError, RegistryError
from ci_builder.oci.image import json_object
from ci_builder.oci.reference import Reference
from ci_builder.patterns import pattern
from ci_builder.registry.answers import discard, printable
from ci_builder.registry.authorizer import Subject
from ci_builder.registry.manifests import MANIFEST_LIMIT, Repository
from ci_builder.registry.transport import Call, Transport
from ci_builder.values import dataclass, replace

_PAGE = 1000
_MOST_PAGES = 300
_NEXT = pattern(r'<([^>]*)>\s*;[^,]*\brel="?next\b', re.IGNORECASE)
_NO_DELETION = frozenset({400, 401, 403, 405, 501})
_WAY_OUT = "delete it where the registry's own interface does, or by its clean-up policies"


@dataclass(frozen=True, slots=True)
class Upkeep:
    """What is asked of a registry beyond pushing and pulling."""

    transport: Transport

    def tags(self, repository: Reference) -> tuple[str, ...]:
        """The tags of ``repository``, sorted; none where it does not exist. Raises RegistryError,
        ImageError."""
        try:
            return tuple(sorted(set(self._tags(repository))))
        except RegistryError as error:
            if error.status == 404:
                return ()
            raise

    def delete(self, reference: Reference) -> None:
        """Delete the manifest with the digest in ``reference``, and so every tag of it; one that is gone is
        fine. Raises RegistryError; ``is_refusal``: the registry deletes nothing."""
        name = reference.repository
        subject = Subject(reference.registry, name, (f"repository:{name}:pull,push,delete",))
        path = f"/v2/{name}/manifests/{reference.digest}"
        what = f"cannot delete {replace(reference, tag='')}"
        try:
            discard(self.transport.send(Call(what, "DELETE", subject, path, frozenset({200, 202, 404}))))
        except RegistryError as error:
            if is_refusal(error):
                error.hint = error.hint or _WAY_OUT
            raise

    def _tags(self, repository: Reference) -> Iterator[str]:
        name = repository.repository
        subject = Subject(repository.registry, name, (f"repository:{name}:pull",))
        path = f"/v2/{name}/tags/list?n={_PAGE}"
        what = f"list of tags of {repository.name}"
        for _ in range(_MOST_PAGES):
            call = Call(f"cannot list the tags of {repository.name}", "GET", subject, path, frozenset({200}))
            response, data = Repository(self.transport, subject).fetch(call, what, MANIFEST_LIMIT)
            found = json_object(data, what).get("tags") or []
            if not isinstance(found, list):
                raise ImageError(f"the {what} is no list of tags")
            yield from (str(tag) for tag in found)
            following = _next(response.headers.get("Link", ""), response.url)
            if not following:
                return
            path = following
        raise RegistryError(f"the {what} does not end")


def is_refusal(error: RegistryError) -> bool:
    """Whether the registry deletes no manifests at all, or not for these credentials."""
    return error.status in _NO_DELETION or error.code == "UNSUPPORTED"


def _next(link: str, current: str) -> str:
    """Path and query of the next page, empty for none; another host is never asked."""
    found = _NEXT.search(link)
    if not found:
        return ""
    try:
        parts = urlsplit(urljoin(current, found[1]))
    except ValueError as error:
        raise RegistryError(f"the registry's next page is at no URL: {printable(found[1])}") from error
    return f"{parts.path}?{parts.query}" if parts.query else parts.path
