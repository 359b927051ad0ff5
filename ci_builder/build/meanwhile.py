"""Something that is done while a build goes on, and whose end is waited for later."""

from __future__ import annotations

import threading
from collections.abc import Callable


def meanwhile(action: Callable[[], None]) -> Callable[[], None]:
    """Begin ``action`` in a thread of its own, or do it now where there can be none. Returns what waits for
    its end, and raises what it raised; whoever never calls that leaves it behind."""
    failures: list[BaseException] = []

    def work() -> None:
        try:
            action()
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=work, name="meanwhile", daemon=True)
    try:
        thread.start()
    except RuntimeError:
        work()

    def wait() -> None:
        if thread.ident is not None:
            thread.join()
        if failures:
            raise failures[0]

    return wait
