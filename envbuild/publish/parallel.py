"""Several transfers at once; the first failure, or an interrupt, ends the others."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from threading import Event
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


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

    `work` asks its Stop now and then, and leaves nothing half-written when that raises.
    """
    stop = Stop()

    def run(item: T) -> R:
        try:
            return work(item, stop)
        except BaseException:
            stop.set()  # before this thread takes the next item
            raise

    with ThreadPoolExecutor(jobs, thread_name_prefix="transfer") as pool:
        futures = [pool.submit(run, item) for item in items]
        try:
            for future in as_completed(futures):
                # Those that gave up did so for one that failed: its error is yet to come.
                if not isinstance(future.exception(), Stopped):
                    future.result()
        except BaseException:
            stop.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return [future.result() for future in futures]
