"""Every system call that is answered here, by name."""

from __future__ import annotations

from ci_builder.executors.supervisor import (
    attributes,
    directories,
    execution,
    ids,
    names,
    opening,
    others,
    processes,
    sockets,
    status,
    xattrs,
)
from ci_builder.executors.supervisor.kernel import Handlers

HANDLERS: Handlers = {
    **opening.HANDLERS,
    **status.HANDLERS,
    **execution.HANDLERS,
    **names.HANDLERS,
    **attributes.HANDLERS,
    **xattrs.HANDLERS,
    **ids.HANDLERS,
    **directories.HANDLERS,
    **sockets.HANDLERS,
    **processes.HANDLERS,
    **others.HANDLERS,
}
