"""Contexts that are git repositories: cloned without history at one commit, by GitPython.

``URL#ref:folder``: ``ref`` is a branch, a tag, a full ref or a commit, ``folder`` the part of the tree
to use (docker's documentation, "Git repositories"). Credentials in the URL or in GIT_TOKEN,
GIT_USERNAME and GIT_PASSWORD reach git through its environment only, never its arguments.
"""

from __future__ import annotations

import base64
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

from ci_builder.errors import ContextError, Unsupported

try:
    import git
except ImportError:  # GitPython does not import where there is no git program: then nothing here works.
    GIT_IS_HERE = False
else:
    GIT_IS_HERE = True

_SCP = re.compile(r"[A-Za-z0-9._-]+@[A-Za-z0-9.-]+:(?!//)")
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_SHORT_COMMIT = re.compile(r"[0-9a-f]{7,64}")


@dataclass(frozen=True, slots=True)
class Remote:
    """Where to clone from. ``url`` holds no credentials; ``ref`` empty: the remote's HEAD."""

    url: str
    ref: str
    folder: str
    username: str = ""
    password: str = field(default="", repr=False)


def is_git(text: str) -> bool:
    """Whether docker takes ``text`` for a git repository."""
    bare = text.partition("#")[0].partition("?")[0]
    if text.startswith(("git://", "ssh://", "github.com/")) or _SCP.match(text):
        return True
    return bare.startswith(("http://", "https://", "file://")) and bare.endswith(".git")


def parse_remote(text: str, environment: Mapping[str, str]) -> Remote:
    """The parts of a git context. Raises Unsupported, ContextError for a ref that looks like a flag."""
    address, _, fragment = text.partition("#")
    ref, _, folder = fragment.partition(":")
    if ref.startswith("-") or address.startswith("-"):
        raise ContextError(f"git: {ref or 'the address'!r} is no ref")
    if _SCP.match(address):
        return Remote(address, ref, folder)
    if address.startswith("github.com/"):
        address = f"https://{address}"
    parts = urlsplit(address)
    if parts.query:
        raise Unsupported("git: a query in the URL is not supported", hint="write URL#ref:folder")
    host = parts.netloc.rpartition("@")[2]
    url = urlunsplit((parts.scheme, host, parts.path, "", ""))
    if parts.scheme not in ("http", "https"):
        return Remote(address, ref, folder)
    username, password = unquote(parts.username or ""), unquote(parts.password or "")
    if not (username or password):
        username, password = _from_environment(environment)
    return Remote(url, ref, folder, username, password)


def clone(remote: Remote, target: Path, *, keep_git: bool = False) -> int:
    """Check ``remote`` out into the folder ``target``, submodules included.

    ``.git`` is removed unless ``keep_git``. Returns the commit's time in seconds since 1970.
    Raises ContextError, Unsupported without a git program.
    """
    if not GIT_IS_HERE:
        raise Unsupported("a git context needs the program git, which is not here", hint="install git")
    try:
        repository = git.Repo.init(target)
        with repository:
            repository.git.update_environment(**_child_environment(remote))
            _fetch(repository, remote)
            if (target / ".gitmodules").is_file():
                repository.git.submodule("update", "--init", "--recursive", "--depth", "1")
            moment = repository.head.commit.committed_date
    except git.GitError as error:
        raise ContextError(_message(remote, error), hint=_hint(error)) from error
    if not keep_git:
        shutil.rmtree(target / ".git")
    return moment


def _fetch(repository: git.Repo, remote: Remote) -> None:
    run = repository.git
    run.remote("add", "origin", "--", remote.url)
    wanted = remote.ref or "HEAD"
    try:
        run.fetch("--depth", "1", "--no-tags", "--", "origin", wanted)
    except git.GitCommandError:
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
    protocols = "http:https:git:ssh"
    if "://" not in remote.url or remote.url.startswith("file://"):
        protocols += ":file"
    environment = {
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "true",
        "GIT_ALLOW_PROTOCOL": protocols,
        "GIT_LFS_SKIP_SMUDGE": "0",
        "LC_ALL": "C",
    }
    if remote.username or remote.password:
        parts = urlsplit(remote.url)
        secret = base64.b64encode(f"{remote.username}:{remote.password}".encode()).decode()
        environment |= {
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": f"http.{parts.scheme}://{parts.netloc}/.extraHeader",
            "GIT_CONFIG_VALUE_0": f"Authorization: Basic {secret}",
        }
    return environment


def _message(remote: Remote, error: git.GitError) -> str:
    stderr = str(getattr(error, "stderr", "") or error)
    lines = [line.strip().strip("'") for line in stderr.splitlines() if line.strip()]
    said = next((line for line in lines if "fatal:" in line or "error:" in line), lines[-1] if lines else "")
    at = f" at {remote.ref}" if remote.ref else ""
    return f"{remote.url}{at} cannot be cloned: {said.partition('fatal: ')[2] or said}"


def _hint(error: git.GitError) -> str:
    text = str(error)
    if "could not read Username" in text or "Authentication failed" in text or "403" in text:
        return "give credentials in GIT_TOKEN, or in GIT_USERNAME and GIT_PASSWORD"
    return ""
