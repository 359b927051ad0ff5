"""Contexts that are git repositories: cloned without history at one commit, by GitPython.

``URL#ref:folder``: ``ref`` is a branch, a tag, a full ref or a commit, ``folder`` the part of the tree
to use (docker's documentation, "Git repositories"); or ``URL?ref=…&subdir=…`` ("URL queries", with
``branch``, ``tag``, ``commit`` or ``checksum``, ``keep-git-dir`` and ``submodules``). Credentials in the
URL or in GIT_TOKEN, GIT_USERNAME and GIT_PASSWORD reach git through its environment only, never its
arguments.
"""

from __future__ import annotations

import base64
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote, urlsplit, urlunsplit

from ci_builder.errors import ContextError, DigestMismatch, InvalidValue, Unsupported
from ci_builder.patterns import pattern
from ci_builder.untrusted import without_passwords
from ci_builder.values import dataclass, field, replace

if TYPE_CHECKING:
    import git

_SCP = pattern(r"[A-Za-z0-9._-]+@[A-Za-z0-9.-]+:(?!//)")
_WITHOUT_DEPTH = "dumb http transport does not support shallow"
_SHORT_COMMIT = pattern(r"[0-9a-f]{7,64}")
_QUERIES = ("ref", "branch", "tag", "subdir", "checksum", "keep-git-dir", "submodules")
_QUERIES_SHOWN = ", ".join(_QUERIES)


@dataclass(frozen=True, slots=True)
class Remote:
    """Where to clone from. ``url`` holds no credentials; ``ref`` empty: the remote's HEAD. ``checksum``:
    how the commit that ``ref`` means must begin. ``keep_git`` is None where the URL does not say.
    ``authorization``: the header of that name, in the place of user and password. ``ssh``: whether the
    job's ssh keys may be used, for submodules too. ``agent``: the socket of an SSH agent, empty for the one
    of the environment."""

    url: str
    ref: str
    folder: str
    username: str = ""
    password: str = field(default="", repr=False)
    checksum: str = ""
    keep_git: bool | None = None
    submodules: bool = True
    authorization: str = field(default="", repr=False)
    ssh: bool = True
    agent: str = ""

    @property
    def is_ssh(self) -> bool:
        """Whether it is reached over ssh."""
        return self.url.startswith("ssh://") or "://" not in self.url


def is_git(text: str) -> bool:
    """Whether docker takes ``text`` for a git repository."""
    bare = text.partition("#")[0].partition("?")[0]
    if text.startswith(("git://", "ssh://", "github.com/")) or _SCP.match(text):
        return True
    return bare.startswith(("http://", "https://", "file://")) and bare.endswith(".git")


def parse_remote(text: str, environment: Mapping[str, str]) -> Remote:
    """The parts of a git context. Raises ContextError for a ref that looks like a flag, and for a query
    that means nothing."""
    address, _, fragment = text.partition("#")
    ref, _, folder = fragment.partition(":")
    if ref.startswith("-") or address.startswith("-"):
        raise ContextError(f"git: {ref or 'the address'!r} is no ref")
    if _SCP.match(address):
        return Remote(address, ref, folder)
    if address.startswith("github.com/"):
        address = f"https://{address}"
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https"):
        remote = Remote(urlunsplit(parts._replace(query="")), ref, folder)
        return _with_query(remote, parts.query)
    host = parts.netloc.rpartition("@")[2]
    url = urlunsplit((parts.scheme, host, parts.path, "", ""))
    username, password = unquote(parts.username or ""), unquote(parts.password or "")
    if not (username or password):
        username, password = _from_environment(environment)
    return _with_query(Remote(url, ref, folder, username, password), parts.query)


def check_commit(text: str) -> str:
    """``text`` if it is a commit or the beginning of one. Raises InvalidValue."""
    if not _SHORT_COMMIT.fullmatch(text):
        raise InvalidValue("commit", text, "it is 7 to 64 hexadecimal digits in lower case")
    return text


def _with_query(remote: Remote, query: str) -> Remote:
    """``remote`` with what ``?name=value&…`` says. Raises ContextError."""
    given: dict[str, str] = {}
    for written, value in parse_qsl(query, keep_blank_values=True):
        name = "checksum" if written == "commit" else written
        if name not in _QUERIES or name in given:
            what = "given twice" if name in given else "unknown"
            raise ContextError(f"git: {name!r} in the URL's query is {what}", hint=f"known: {_QUERIES_SHOWN}")
        if not value and name not in ("keep-git-dir", "submodules"):
            raise ContextError(f"git: {name} in the URL's query has no value")
        given[name] = value
    switches = {name: _is_true(name, given[name]) for name in ("keep-git-dir", "submodules") if name in given}
    checksum = given.get("checksum", "")
    try:
        checksum = check_commit(checksum) if checksum else ""
    except InvalidValue as error:
        raise ContextError(f"git: {error}") from error
    ref = _one_of([remote.ref, given.get("ref", ""), *_full_refs(given)], "refs") or checksum
    if ref.startswith("-"):
        raise ContextError(f"git: {ref!r} is no ref")
    return replace(
        remote,
        ref=ref,
        folder=_one_of([remote.folder, given.get("subdir", "")], "folders"),
        checksum=checksum,
        keep_git=switches.get("keep-git-dir"),
        submodules=switches.get("submodules", True),
    )


def _full_refs(given: Mapping[str, str]) -> list[str]:
    prefixes = {"tag": "refs/tags/", "branch": "refs/heads/"}
    return [prefixes[name] + given[name].removeprefix(prefixes[name]) for name in prefixes if given.get(name)]


def _one_of(values: list[str], what: str) -> str:
    """The only one of ``values`` that is not empty. Raises ContextError for two that differ."""
    found = sorted(set(filter(None, values)))
    if len(found) > 1:
        raise ContextError(f"git: the URL says two {what}: {' and '.join(found)}")
    return found[0] if found else ""


def _is_true(name: str, value: str) -> bool:
    if value.lower() in ("", "1", "t", "true"):
        return True
    if value.lower() in ("0", "f", "false"):
        return False
    raise ContextError(f"git: {name} in the URL's query is true or false, not {value!r}")


def clone(remote: Remote, target: Path, *, keep_git: bool = False) -> int:
    """Check ``remote`` out into the folder ``target``, submodules included unless its URL says otherwise.
    Returns the time of its commit (seconds since 1970).

    ``.git`` is removed unless ``keep_git`` or the URL wants it. Raises ContextError, DigestMismatch for
    another commit than the checksum's, Unsupported without a git program.
    """
    # Here, because few builds clone anything: it takes long, and starts git to ask for its version.
    try:
        import git
    except ImportError as error:  # GitPython does not import where there is no git program.
        text = "a git context needs the program git, which is not here"
        raise Unsupported(text, hint="install git") from error
    try:
        repository = git.Repo.init(target)
        with repository:
            repository.git.update_environment(**_child_environment(remote))
            _fetch(repository, remote)
            _verify(repository, remote)
            if remote.submodules and (target / ".gitmodules").is_file():
                repository.git.submodule("update", "--init", "--recursive", "--depth", "1")
            committed = int(repository.git.show("--no-patch", "--format=%ct", "HEAD"))
    except git.GitError as error:
        raise ContextError(_message(remote, error), hint=_hint(error)) from error
    if not (keep_git if remote.keep_git is None else remote.keep_git):
        shutil.rmtree(target / ".git")
    return committed


def _verify(repository: git.Repo, remote: Remote) -> None:
    """The checksum may be that of the commit, or of the tag that names it."""
    if not remote.checksum:
        return
    run = repository.git
    commit, fetched = str(run.rev_parse("HEAD")), str(run.rev_parse("FETCH_HEAD"))
    is_its_tag = str(run.rev_parse("FETCH_HEAD^{commit}")) == commit and fetched.startswith(remote.checksum)
    if not (is_its_tag or commit.startswith(remote.checksum)):
        raise DigestMismatch(f"{remote.url} at {remote.ref or 'HEAD'}", remote.checksum, commit)


def _fetch(repository: git.Repo, remote: Remote) -> None:
    import git

    run = repository.git
    run.remote("add", "origin", "--", remote.url)
    wanted = remote.ref or "HEAD"
    try:
        run.fetch("--depth", "1", "--no-tags", "--", "origin", wanted)
    except git.GitCommandError as error:
        if _WITHOUT_DEPTH in str(error.stderr):
            # A web server that has the files of a repository, and no more.
            run.fetch("--no-tags", "--", "origin", wanted)
            run.checkout("--detach", "FETCH_HEAD", "--")
            return
        if not _SHORT_COMMIT.fullmatch(remote.ref):
            raise
        # A server may refuse to send a commit by its name, and none knows abbreviated ones.
        run.fetch("--", "origin", "+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*")
        run.checkout("--detach", remote.ref, "--")
        return
    run.checkout("--detach", "FETCH_HEAD", "--")


def _from_environment(environment: Mapping[str, str]) -> tuple[str, str]:
    token = environment.get("GIT_TOKEN", "")
    if token:
        return "x-access-token", token
    return environment.get("GIT_USERNAME", ""), environment.get("GIT_PASSWORD", "")


def _child_environment(remote: Remote) -> dict[str, str]:
    protocols = "http:https:git:ssh" if remote.ssh else "http:https:git"
    if remote.url.startswith("file://"):
        protocols += ":file"
    environment = {
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "true",
        "GIT_ALLOW_PROTOCOL": protocols,
        "GIT_LFS_SKIP_SMUDGE": "0",
        "LC_ALL": "C",
    }
    if remote.agent:
        environment["SSH_AUTH_SOCK"] = remote.agent
    authorization = remote.authorization
    if remote.username or remote.password:
        secret = base64.b64encode(f"{remote.username}:{remote.password}".encode()).decode()
        authorization = f"Basic {secret}"
    if authorization:
        parts = urlsplit(remote.url)
        environment |= {
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": f"http.{parts.scheme}://{parts.netloc}/.extraHeader",
            "GIT_CONFIG_VALUE_0": f"Authorization: {authorization}",
        }
    return environment


def _message(remote: Remote, error: git.GitError) -> str:
    stderr = str(getattr(error, "stderr", "") or error)
    lines = [line.strip().strip("'") for line in stderr.splitlines() if line.strip()]
    said = next((line for line in lines if "fatal:" in line or "error:" in line), lines[-1] if lines else "")
    at = f" at {remote.ref}" if remote.ref else ""
    reason = without_passwords(said.partition("fatal: ")[2] or said)
    return f"{without_passwords(remote.url)}{at} cannot be cloned: {reason}"


def _hint(error: git.GitError) -> str:
    text = str(error)
    if "could not read Username" in text or "Authentication failed" in text or "403" in text:
        return "give credentials in GIT_TOKEN, or in GIT_USERNAME and GIT_PASSWORD"
    return ""
