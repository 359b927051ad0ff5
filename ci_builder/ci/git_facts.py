"""What the repository in a folder tells about the commit that is built. Asked by GitPython, once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from ci_builder.ci.interface import GitFacts

if TYPE_CHECKING:
    import git


def git_facts(directory: Path) -> GitFacts:
    """The facts of the repository that ``directory`` lies in; all of them empty if there is none."""
    # Here, because only the command ci asks: it takes long, and starts git to ask for its version.
    try:
        import git
    except ImportError:  # GitPython does not import where there is no git program.
        return GitFacts()
    try:
        with git.Repo(directory, search_parent_directories=True) as repository:
            return _ask(repository)
    except (git.GitError, ValueError, OSError):
        # No repository, no commit yet, or one that belongs to somebody else (safe.directory).
        return GitFacts()


def _ask(repository: git.Repo) -> GitFacts:
    commit = repository.head.commit
    tags = sorted(tag.name for tag in repository.tags if tag.commit == commit)
    branch = "" if repository.head.is_detached else repository.active_branch.name
    urls = [remote.url for remote in repository.remotes if remote.name == "origin"]
    return GitFacts(commit.hexsha, tags[-1] if tags else "", branch, _shown(urls[0]) if urls else "")


def _shown(url: str) -> str:
    if "://" not in url:
        return url
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
