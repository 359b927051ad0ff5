"""A few actions at a time, on threads that never keep the program from ending."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence


def run_at_once(actions: Sequence[Callable[[], None]], threads: int) -> None:
    """Run ``actions``, ``threads`` at a time. The first failure is raised at once, and those that have not
    begun never will; those that run go on in the background until somebody stops them."""
    waiting: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
    results: queue.SimpleQueue[BaseException | None] = queue.SimpleQueue()
    failed = threading.Event()
    for action in actions:
        waiting.put(action)

    def work() -> None:
        while not failed.is_set():
            try:
                action = waiting.get_nowait()
            except queue.Empty:
                return
            try:
                action()
            except BaseException as error:
                failed.set()
                results.put(error)
            else:
                results.put(None)

    if not _started(work, min(threads, len(actions))):
        work()
    try:
        for _ in actions:
            error = results.get()
            if error is not None:
                raise error
    finally:
        failed.set()


def _started(work: Callable[[], None], threads: int) -> bool:
    """Have as many threads as can be started do ``work``, ``threads`` at most. Whether there is one."""
    for number in range(threads):
        try:
            threading.Thread(target=work, name=f"transfer {number}", daemon=True).start()
        except RuntimeError:  # no more of them
            return number > 0
    return True
