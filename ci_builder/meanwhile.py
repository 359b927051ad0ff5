"""Something that is done while something else goes on, and whose end is waited for later."""

from __future__ import annotations

import threading
from collections.abc import Callable


def meanwhile(action: Callable[[], None]) -> Callable[[], None]:
    """Begin ``action`` in a thread of its own. Returns what waits for its end, and raises what it raised;
    whoever never calls that leaves it behind. Where no thread can be had it is done when that is called."""
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
        return action

    def wait() -> None:
        thread.join()
        if failures:
            raise failures[0]

    return wait
