"""Trying something out in a forked child, so that nothing happens to this process."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable

from ci_builder.errors import CiBuilderError
from ci_builder.executors.linux.calls import describe


class Trial:
    """``action``, done in a child from now on; what it returns is a remark. This process must have one
    thread. Raises OSError where there can be no child."""

    def __init__(self, action: Callable[[], str | None]) -> None:
        self._read, write = os.pipe()
        try:
            self._child = os.fork()
        except OSError:
            os.close(self._read)
            os.close(write)
            raise
        if self._child == 0:
            os.close(self._read)
            _attempt(action, write)
        os.close(write)
        self._said = b""
        self._refusal: str | None = None
        self._remark = ""

    def refusal(self) -> str:
        """Wait for its end: empty when it returned, else its failure in one line."""
        if self._refusal is None:
            while said := os.read(self._read, 4096):
                self._said += said
            _, status = os.waitpid(self._child, 0)
            os.close(self._read)
            failure = self._said.decode("utf-8", "replace")
            ended = f"the trial ended with {os.waitstatus_to_exitcode(status)}"
            self._refusal = failure or ended if status else ""
            self._remark = "" if status else failure
        return self._refusal

    def remark(self) -> str:
        """Wait for its end: what it returned, empty when it failed."""
        self.refusal()
        return self._remark

    def rest(self) -> None:
        """Wait for its end, whatever came of it."""
        with contextlib.suppress(OSError):
            self.refusal()


def refusal(action: Callable[[], str | None]) -> str:
    """Do ``action`` in a child: empty when it returned, else its failure in one line. This process must have
    one thread."""
    try:
        return Trial(action).refusal()
    except OSError as error:
        return f"no process can be started: {describe(error)}"


def _attempt(action: Callable[[], str | None], write: int) -> None:
    said = ""
    code = 1
    try:
        said = action() or ""
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
