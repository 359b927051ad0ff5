"""Building stages: several at once where the executor can, each as soon as what it is made from is there."""

from __future__ import annotations

import contextlib
import itertools
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from functools import partial

from ci_builder.build.background import Background
from ci_builder.errors import ExecutorError
from ci_builder.executors.interface import Executor, Workspace
from ci_builder.oci.image import Image
from ci_builder.values import dataclass, field


@dataclass(slots=True)
class Stages:
    """The images of the stages that are needed, by their numbers.

    ``build`` makes one; it may ask for those of others, and waits for them then. ``at_once``: how many stages
    work at the same time; one that waits for another does not count.
    """

    numbers: Sequence[int]
    build: Callable[[int], Image]
    at_once: int
    stop: Callable[[], None]
    _images: dict[int, Future[Image]] = field(default_factory=dict)
    _slots: threading.Semaphore = field(default_factory=threading.Semaphore)
    _failed: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Build them all. Raises what the first one that failed raised; the others are stopped then."""
        self._images = {number: Future() for number in self.numbers}
        if self.at_once == 1 or len(self.numbers) == 1:
            for number in self.numbers:
                self._images[number].set_result(self.build(number))
            return
        self._slots = threading.Semaphore(self.at_once)
        threads = [
            threading.Thread(target=self._run, args=(number,), name=f"stage {number}")
            for number in self.numbers
        ]
        finished: Future[None] = Future()
        left = len(threads)
        lock = threading.Lock()

        def count(future: Future[Image]) -> None:
            nonlocal left
            with lock:
                left -= 1
                error = future.exception()
                if not finished.done() and (error is not None or left == 0):
                    finished.set_exception(error) if error is not None else finished.set_result(None)

        for future in self._images.values():
            future.add_done_callback(count)
        started = list(itertools.takewhile(_starts, threads))
        try:
            # What no thread can be had for is built here: all that it is made from has begun.
            for number in self.numbers[len(started) :]:
                self._run(number)
            finished.result()
        except BaseException:
            self._failed.set()
            self.stop()
            raise
        finally:
            for thread in started:
                thread.join()

    def image(self, number: int) -> Image:
        """The image of a stage, once it is built. Raises what building it raised."""
        future = self._images[number]
        if future.done():
            return future.result()
        self._slots.release()
        try:
            return future.result()
        finally:
            self._slots.acquire()

    def _run(self, number: int) -> None:
        future = self._images[number]
        self._slots.acquire()
        try:
            if self._failed.is_set():
                raise ExecutorError("the build was stopped")
            future.set_result(self.build(number))
        except BaseException as error:
            future.set_exception(error)
        finally:
            self._slots.release()


def _starts(thread: threading.Thread) -> bool:
    try:
        thread.start()
    except RuntimeError:  # no more processes, or no more memory
        return False
    return True


class Stoppable:
    """The workspaces of an executor, which can all be closed at once, from another thread. Those that are
    left are closed in ``closing``, beside what else is done: to remove many files takes its time."""

    def __init__(self, executor: Executor, closing: Background) -> None:
        self._executor = executor
        self._closing = closing
        self._lock = threading.Lock()
        self._open: list[Workspace] = []
        self._stopped = False

    def workspace(self, image: Image, *, writable: bool = True) -> Workspace:
        """See Executor. Raises ExecutorError when everything was stopped."""
        self._check()
        workspace = self._executor.workspace(image, writable=writable)
        with self._lock:
            self._open.append(workspace)
        self._check()
        return workspace

    def leave(self, workspace: Workspace) -> None:
        """Nobody needs it any more."""
        with self._lock:
            mine = workspace in self._open
            if mine:
                self._open.remove(workspace)
        if mine:
            self._closing.begin(partial(_close, workspace))

    def leave_all(self) -> None:
        """Nobody needs any of them any more."""
        with self._lock:
            workspaces = list(self._open)
        for workspace in workspaces:
            self.leave(workspace)

    def stop(self) -> None:
        """Close what is open now; nothing is opened any more."""
        with self._lock:
            self._stopped = True
            workspaces = list(self._open)
        for workspace in workspaces:
            workspace.close()

    def _check(self) -> None:
        with self._lock:
            if not self._stopped:
                return
        raise ExecutorError("the build was stopped")


@contextlib.contextmanager
def left_at_the_end(executor: Stoppable) -> Iterator[None]:
    """No workspace stays open: after a failure all are closed when this is left, otherwise soon."""
    try:
        yield
    except BaseException:
        executor.stop()
        raise
    executor.leave_all()


def _close(workspace: Workspace) -> None:
    # What cannot be removed now is tried again, and told, at the end of the build.
    with contextlib.suppress(OSError):
        workspace.close()
