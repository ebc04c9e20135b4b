"""One key runs once at a time: threads share one run, processes wait for each other's."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Generic, TypeVar

from envbuild.core.action import Action, ActionResult
from envbuild.core.events import ResultSource
from envbuild.core.protocols import Executor
from envbuild.store.faults import StoreReadOnly
from envbuild.store.file_lock import passing_lock
from envbuild.store.interrupt import Interrupt

T = TypeVar("T")
_POLL = 0.02  # seconds between looks at another process's lock: flock tells nobody when it is free


class Flights(Generic[T]):
    """Calls in flight by name: who comes while one is running gets its result, or its error."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: dict[str, Future[T]] = {}

    def share(self, name: str, function: Callable[[], T]) -> tuple[T, bool]:
        """The result of `function`, or of the call of this name that is running already.

        And whether it was this call that ran; raises what the running one raises.
        """
        with self._lock:
            running = self._running.get(name)
            if running is None:
                mine: Future[T] = Future()
                self._running[name] = mine
        if running is not None:
            return running.result(), False
        try:
            mine.set_result(function())
        except BaseException as error:
            mine.set_exception(error)
            raise
        finally:
            with self._lock:
                del self._running[name]
        return mine.result(), True


class SingleFlightExecutor:
    """An Executor that merges runs of one key; the inner one must look into a cache first.

    Across processes: whoever gets the lock file of the key runs, the others wait, run after it,
    and find its result in the cache. A store that cannot be written has no lock files; its
    processes may do the same work twice.
    """

    def __init__(self, inner: Executor, locks: Path, interrupt: Interrupt) -> None:
        self._inner = inner
        self._locks = locks
        self._interrupt = interrupt
        self._flights: Flights[tuple[ActionResult, ResultSource]] = Flights()

    def run(self, action: Action) -> tuple[ActionResult, ResultSource]:
        """As the inner executor, or LOCAL what another thread ran; raises also Interrupted."""
        name = action.key.hash
        (result, source), ran = self._flights.share(name, lambda: self._run_alone(name, action))
        return result, source if ran else ResultSource.LOCAL

    def _run_alone(self, name: str, action: Action) -> tuple[ActionResult, ResultSource]:
        with ExitStack() as stack:
            with suppress(StoreReadOnly):
                stack.enter_context(passing_lock(self._locks / name, self._pause))
            return self._inner.run(action)

    def _pause(self) -> None:
        self._interrupt.pause(_POLL)
