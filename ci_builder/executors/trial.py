"""Trying something out in a forked child, so that nothing happens to this process."""

from __future__ import annotations

import os
from collections.abc import Callable

from ci_builder.errors import CiBuilderError
from ci_builder.executors.linux.calls import describe


def refusal(action: Callable[[], None]) -> str:
    """Do ``action`` in a child: empty when it returned, else its failure in one line.

    This process must have one thread.
    """
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        _attempt(action, write)
    os.close(write)
    with open(read, "rb") as stream:
        said = stream.read().decode("utf-8", "replace")
    _, status = os.waitpid(child, 0)
    if status == 0:
        return ""
    return said or f"the trial ended with {os.waitstatus_to_exitcode(status)}"


def _attempt(action: Callable[[], None], write: int) -> None:
    said = ""
    code = 1
    try:
        action()
        code = 0
    except OSError as error:
        said = describe(error)
    except CiBuilderError as error:
        said = str(error)
    except BaseException as error:
        said = repr(error)
    finally:
        try:
            os.write(write, said.encode("utf-8", "replace"))
        finally:
            os._exit(code)
