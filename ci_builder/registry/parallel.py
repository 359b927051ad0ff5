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

    for number in range(min(threads, len(actions))):
        threading.Thread(target=work, name=f"transfer {number}", daemon=True).start()
    try:
        for _ in actions:
            error = results.get()
            if error is not None:
                raise error
    finally:
        failed.set()
