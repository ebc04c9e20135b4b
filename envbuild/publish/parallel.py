"""Several transfers at once; the first failure, or an interrupt, ends the others."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import Future, as_completed, wait
from queue import Empty, SimpleQueue
from threading import Event, Thread
from typing import Final, TypeVar

T = TypeVar("T")
R = TypeVar("R")
_GRACE: Final = 2.0  # seconds for what was begun to give up


class Stopped(Exception):
    """A transfer was given up because another one failed."""


class Stop:
    """Tells running transfers to give up."""

    def __init__(self) -> None:
        self._event = Event()

    def set(self) -> None:
        """Ask all to give up."""
        self._event.set()

    def check(self) -> None:
        """Raise Stopped if asked to give up."""
        if self._event.is_set():
            raise Stopped


def run_parallel(work: Callable[[T, Stop], R], items: Iterable[T], jobs: int) -> list[R]:
    """The results of `work` for each item, in the items' order; raises what the first failure raised.

    `work` asks its Stop now and then, and leaves nothing half-written when that raises. What does not
    ask, since a server is silent, is not waited for: its thread ends with the process.
    """
    stop, tasks = Stop(), SimpleQueue[tuple[T, Future[R]]]()
    futures = []
    for item in items:
        futures.append(Future[R]())
        tasks.put((item, futures[-1]))
    for n in range(min(jobs, len(futures))):
        Thread(target=_serve, args=(work, tasks, stop), name=f"transfer-{n}", daemon=True).start()
    try:
        for future in as_completed(futures):
            # Those that gave up did so for one that failed: its error is yet to come.
            if not isinstance(future.exception(), Stopped):
                future.result()
    except BaseException:
        stop.set()
        wait(futures, timeout=_GRACE)
        raise
    return [future.result() for future in futures]


def _serve(work: Callable[[T, Stop], R], tasks: SimpleQueue[tuple[T, Future[R]]], stop: Stop) -> None:
    while True:
        try:
            item, future = tasks.get_nowait()
        except Empty:
            return
        try:
            stop.check()
            future.set_result(work(item, stop))
        except BaseException as error:  # noqa: BLE001 (whoever waits for the future raises it)
            stop.set()  # before this thread takes the next item
            future.set_exception(error)
