"""One call to a registry: authorised, redirected, retried; what comes back is a success or an error."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from urllib.parse import SplitResult, urljoin, urlsplit

from ci_builder.errors import AuthenticationFailed, RegistryError
from ci_builder.progress import Notice, Progress
from ci_builder.registry.answers import Answer, discard, printable, public_url, refusal
from ci_builder.registry.authorizer import Authorizer, Subject
from ci_builder.registry.connections import Connections
from ci_builder.registry.retry import Retry
from ci_builder.values import dataclass, field

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_REDIRECT_LIMIT = 5
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Call:
    """A request. ``what`` begins an error's message; ``path`` is absolute (``/v2/…``) or a whole URL that
    the registry gave; ``body`` is called for each try; ``expect`` are the statuses that are a success.

    ``verified`` says that the answer is checked against a digest, so that where it comes from is no matter.
    """

    what: str
    method: str
    subject: Subject
    path: str
    expect: frozenset[int]
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: Callable[[], object] | None = None
    verified: bool = False


class Transport:
    """Sends calls. Thread-safe."""

    def __init__(
        self, connections: Connections, authorizer: Authorizer, retry: Retry, progress: Progress
    ) -> None:
        self.retry = retry
        self._connections = connections
        self._authorizer = authorizer
        self._progress = progress

    def send(self, call: Call, retry: Retry | None = None) -> Answer:
        """The answer, unread, its status one of ``call.expect``; temporary failures are tried again.

        The caller closes it. Raises RegistryError, CredentialError.
        """
        policy = retry or self.retry
        attempt = 0
        while True:
            try:
                return self.once(call)
            except RegistryError as error:
                self.wait(error, attempt, policy)
            attempt += 1

    def once(self, call: Call) -> Answer:
        """As ``send``, but tried once (and once more when a token has run out)."""
        header = self._authorizer.header(call.subject)
        response = self._follow(call, header)
        if response.status_code == 401:
            try:
                renewed = self._authorizer.renew(call.subject, response, header)
            except BaseException:
                discard(response)
                raise
            if renewed:
                discard(response)
                response = self._follow(call, renewed)
        if response.status_code in call.expect:
            return response
        raise self._error(call, response)

    def wait(self, error: RegistryError, attempt: int, policy: Retry) -> None:
        """Sleep before the next try, or raise ``error`` when there is to be none."""
        asked = policy.asked(error.retry_after)
        if not policy.again(error, attempt, asked):
            if asked is not None and asked > policy.longest:
                error.hint = f"the registry asks to wait {asked:.0f} seconds before the next try"
            raise error
        delay = policy.delay(attempt, asked)
        self._progress(Notice("info", f"{error}; trying again in {delay:.1f} s"))
        policy.sleep(delay)

    def url(self, registry: str, location: str, current: str = "") -> str:
        """A path or a Location of ``registry`` as a whole URL; a registry behind a proxy that ends TLS may
        call itself http, which is not followed down."""
        base = self._connections.base(registry)
        try:
            url = urljoin(current or base, location)
            parts, wanted = urlsplit(url), urlsplit(base)
            _ = parts.port  # that is read from the text only now
        except ValueError as error:
            raise RegistryError(
                f"{registry} answers with a place that is no URL: {printable(location)}"
            ) from error
        if parts.netloc == wanted.netloc and (parts.scheme, wanted.scheme) == ("http", "https"):
            url = url.replace("http://", "https://", 1)
        return url

    def _follow(self, call: Call, header: str) -> Answer:
        registry = call.subject.registry
        origin = _origin(urlsplit(self._connections.base(registry)))
        url = self.url(registry, call.path)
        for _ in range(_REDIRECT_LIMIT + 1):
            headers = dict(call.headers)
            # To the registry only: a blob's storage is another host, with a signature in its URL.
            if header and _origin(urlsplit(url)) == origin:
                headers["Authorization"] = header
            body = call.body() if call.body is not None else None
            response = self._connections.exchange(call.method, url, headers, body, registry)
            location = response.headers.get("Location", "")
            if response.status_code not in _REDIRECTS or not location:
                return response
            discard(response)
            url = self._redirected(call, url, location)
        raise RegistryError(
            f"{call.what}: more than {_REDIRECT_LIMIT} redirects", method=call.method, url=public_url(url)
        )

    def _redirected(self, call: Call, url: str, location: str) -> str:
        target = self.url(call.subject.registry, location, url)
        parts = urlsplit(target)
        reading = call.method in ("GET", "HEAD")
        if parts.scheme not in _PORTS or (not reading and _origin(parts) != _origin(urlsplit(url))):
            reason = "redirected to another host" if parts.scheme in _PORTS else "redirected to no HTTP URL"
            raise RegistryError(f"{call.what}: {reason}", method=call.method, url=public_url(target))
        down = parts.scheme == "http" and url.startswith("https:") and not call.verified
        if down and not self._connections.plain_allowed(parts.netloc):
            raise RegistryError(
                f"{call.what}: redirected to plain HTTP", method=call.method, url=public_url(target)
            )
        return target

    def _error(self, call: Call, response: Answer) -> RegistryError:
        error = refusal(call.what, call.method, response)
        if isinstance(error, AuthenticationFailed):
            error.hint = self._authorizer.advice(call.subject, error.status)
        return error


def _origin(parts: SplitResult) -> tuple[str, str, int]:
    return parts.scheme, parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 0)
