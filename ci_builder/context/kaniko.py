"""Contexts as kaniko's ``--context`` writes them, turned into the words of ``open_context``."""

from __future__ import annotations

_GIT = "git://"


def from_kaniko(text: str) -> str:
    """``dir://``, ``tar://`` (``tar://stdin`` is standard input) and ``git://`` (which kaniko clones over
    https) without their prefix; anything else as it is: a folder, a URL, an object store."""
    if text == "tar://stdin":
        return "-"
    for prefix in ("dir://", "tar://"):
        if text.startswith(prefix):
            return text.removeprefix(prefix)
    if text.startswith(_GIT):
        address, _, fragment = text.removeprefix(_GIT).partition("#")
        url = address if address.endswith(".git") else f"{address}.git"
        ref, _, commit = fragment.partition("#")
        wanted = commit or ref
        return f"https://{url}" + (f"#{wanted}" if wanted else "")
    return text
