"""Becoming the owner of files that commands made with a user's subordinate ids."""

from __future__ import annotations

import os

from ci_builder.errors import ExecutorError
from ci_builder.executors.identity import enter_user_namespace, possible_maps


def own_subordinate_ids() -> bool:
    """Move this process, which has one thread, into a user namespace in which the files are its own that
    RUN commands made as other users there. Returns whether that was possible; root needs no such thing."""
    if os.geteuid() == 0:
        return True
    try:
        return enter_user_namespace(possible_maps(), 0).kind == "ranges"
    except (ExecutorError, OSError):
        return False
