"""Options that are given for some hosts, or for all."""

from __future__ import annotations


def listed(host: str, hosts: tuple[str, ...]) -> bool:
    """Whether an option given for ``hosts`` (``*``: all) is meant for ``host``."""
    return "*" in hosts or host in hosts
