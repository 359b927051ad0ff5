"""The Authorization header: Basic, and Bearer tokens (distribution spec, token and OAuth2 authentication)."""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Callable, Sequence
from urllib.parse import quote, urlencode, urlsplit

from ci_builder.errors import AuthenticationFailed, RegistryError
from ci_builder.registry.answers import Answer, connection_errors, public_url, refusal, unreachable
from ci_builder.registry.challenge import Challenge, parse
from ci_builder.registry.connections import Connections
from ci_builder.registry.credentials import Credentials
from ci_builder.request import Login
from ci_builder.untrusted import as_bytes, from_json
from ci_builder.values import dataclass, field

_CLIENT = "ci_builder"
_BODY_LIMIT = 1 << 20
_DEFAULT_LIFETIME = 60.0
_CHECK = "check the user and the password (a job's token is valid only while its job runs)"


@dataclass(frozen=True, slots=True)
class Subject:
    """Who is asked for what: a registry, a repository of it (or empty), and scopes such as
    ``repository:NAME:pull``, in their order."""

    registry: str
    repository: str = ""
    scopes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Token:
    header: str = field(repr=False)
    expires: float


class Authorizer:
    """Remembers what each registry asks for, and the tokens it was given. Thread-safe."""

    def __init__(
        self,
        credentials: Credentials,
        connections: Connections,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._credentials = credentials
        self._connections = connections
        self._clock = clock
        self._challenges: dict[str, Challenge] = {}
        self._tokens: dict[Subject, _Token] = {}
        self._logins: dict[tuple[str, str], Login | None] = {}
        self._lock = threading.RLock()

    def header(self, subject: Subject) -> str:
        """The header for a request, empty as long as the registry has not asked for one.

        May fetch a token. Raises CredentialError, AuthenticationFailed, RegistryError.
        """
        challenge = self._challenges.get(subject.registry)
        return self._header(challenge, subject) if challenge is not None else ""

    def renew(self, subject: Subject, response: Answer, refused: str) -> str:
        """The header to try once more with after a 401 to the header ``refused``; empty when there is none.

        Raises CredentialError, AuthenticationFailed, RegistryError.
        """
        challenge = _choose(parse(response.headers.get("WWW-Authenticate", "")))
        if challenge is None:
            return ""
        with self._lock:
            self._challenges[subject.registry] = challenge
            if self._tokens.get(subject, _Token("", 0)).header == refused:
                self._tokens.pop(subject, None)
        header = self._header(challenge, subject)
        return header if header != refused else ""

    def advice(self, subject: Subject, status: int) -> str:
        """What to do about a refusal (401 or 403), with who is logged in and from where."""
        login = self._login(subject)
        if login is None:
            return f"there are no credentials for {subject.registry}: log in, or give a user and a password"
        if status == 403:
            return f"{self._identity(subject, login)} may not do that"
        return f"{self._identity(subject, login)} was refused: {_CHECK}"

    def _identity(self, subject: Subject, login: Login) -> str:
        source = self._credentials.source(subject.registry, subject.repository)
        who = f"the user {login.username!r}" if login.username else "a token"
        return f"{who} (from {source})" if source else who

    def _header(self, challenge: Challenge, subject: Subject) -> str:
        login = self._login(subject)
        if challenge.scheme == "basic":
            if login is None:
                return ""
            self._forbid_plain(self._connections.base(subject.registry), subject)
            return _basic(login)
        with self._lock:
            token = self._tokens.get(subject)
            if token is None or token.expires <= self._clock():
                token = self._fetch(challenge, subject, login)
                self._tokens[subject] = token
            return token.header

    def _login(self, subject: Subject) -> Login | None:
        key = (subject.registry, subject.repository)
        with self._lock:
            if key not in self._logins:
                self._logins[key] = self._credentials.lookup(*key)
            return self._logins[key]

    def _fetch(self, challenge: Challenge, subject: Subject, login: Login | None) -> _Token:
        if login is not None and login.registry_token:
            self._forbid_plain(self._connections.base(subject.registry), subject)
            return _Token(f"Bearer {login.registry_token}", float("inf"))
        realm = challenge.parameter("realm")
        if not _is_url(realm):
            raise AuthenticationFailed(f"{subject.registry} names no usable token server: {realm[:200]!r}")
        if login is not None:
            self._forbid_plain(realm, subject)
        scopes = subject.scopes or tuple(challenge.parameter("scope").split())
        if login is not None and login.identity_token:
            headers = {"Content-Type": "application/x-www-form-urlencoded"}
            form = _refresh_form(challenge.parameter("service"), scopes, login)
            response = self._connections.exchange("POST", realm, headers, form, subject.registry)
            return self._read(("POST", response), subject, login)
        url, headers = _token_query(challenge, scopes, login)
        response = self._connections.exchange("GET", url, headers, None, subject.registry)
        return self._read(("GET", response), subject, login)

    def _read(self, answer: tuple[str, Answer], subject: Subject, login: Login | None) -> _Token:
        method, response = answer
        if response.status_code != 200:
            raise self._refused(method, response, subject, login)
        try:
            with response:
                data = response.raw.read(_BODY_LIMIT, decode_content=True)
            value = from_json(data)
            token = value.get("token") or value.get("access_token")
            lifetime = float(value.get("expires_in") or _DEFAULT_LIFETIME)
        except connection_errors() as error:
            raise unreachable(urlsplit(response.url).netloc, method, response.url, error) from error
        except (ValueError, TypeError, AttributeError, OverflowError):
            token, lifetime = None, 0.0
        if not isinstance(token, str) or not token.isprintable():
            raise RegistryError(
                f"the token server of {subject.registry} gave no token",
                method=method,
                url=public_url(response.url),
            )
        # A tenth earlier, so that a token does not run out on the way.
        return _Token(f"Bearer {token}", self._clock() + 0.9 * lifetime)

    def _refused(self, method: str, response: Answer, subject: Subject, login: Login | None) -> RegistryError:
        if response.status_code not in (400, 401, 403) or login is None:
            return refusal(f"the token server of {subject.registry} refuses a token", method, response)
        error = refusal(f"{subject.registry} refuses {self._identity(subject, login)}", method, response)
        return AuthenticationFailed(
            error.message,
            method=method,
            url=error.url,
            status=error.status,
            code=error.code,
            hint=_CHECK,
        )

    def _forbid_plain(self, url: str, subject: Subject) -> None:
        parts = urlsplit(url)
        if parts.scheme == "https" or self._connections.plain_allowed(parts.netloc):
            return
        if self._connections.plain_allowed(subject.registry):
            return
        raise AuthenticationFailed(
            f"{subject.registry} wants its password sent to {public_url(url)} over plain HTTP: refused",
            hint=f"if that is right, name {subject.registry} in --insecure-registry",
        )


def _choose(challenges: Sequence[Challenge]) -> Challenge | None:
    for scheme in ("bearer", "basic"):
        for challenge in challenges:
            if challenge.scheme == scheme:
                return challenge
    return None


def _token_query(
    challenge: Challenge, scopes: Sequence[str], login: Login | None
) -> tuple[str, dict[str, str]]:
    """The URL and the headers that ask for a token with a password, or with nothing."""
    realm, service = challenge.parameter("realm"), challenge.parameter("service")
    query = [("service", service)] if service else []
    query += [("scope", scope) for scope in scopes]
    headers = {}
    if login is not None:
        query.append(("account", login.username))
        headers["Authorization"] = _basic(login)
    separator = "&" if urlsplit(realm).query else "?"
    return realm + (separator + urlencode(query, quote_via=quote, safe=":/,") if query else ""), headers


def _refresh_form(service: str, scopes: Sequence[str], login: Login) -> bytes:
    form = {
        "grant_type": "refresh_token",
        "service": service,
        "client_id": _CLIENT,
        "scope": " ".join(scopes),
        "refresh_token": login.identity_token,
    }
    return urlencode(form, errors="surrogateescape").encode()


def _basic(login: Login) -> str:
    pair = f"{login.username}:{login.password or login.identity_token}"
    return "Basic " + base64.b64encode(as_bytes(pair)).decode()


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        _ = parts.port  # that is read from the text only now
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.netloc)
