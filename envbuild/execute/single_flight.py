"""One key runs once at a time: threads share one run, processes wait for each other's."""

from __future__ import annotations

import threading
from collections.abc import Callable
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


class _Flight(Generic[T]):
    """A call that others wait for."""

    def __init__(self) -> None:
        self._landed = threading.Event()
        self._result: T
        self._error: BaseException | None = None

    def run(self, function: Callable[[], T]) -> T:
        """Call the function, and let others know what came of it."""
        try:
            self._result = function()
        except BaseException as error:
            self._error = error
            raise
        finally:
            self._landed.set()
        return self._result

    def wait(self) -> T:
        """What came of it; raises what it raised."""
        self._landed.wait()
        if self._error is not None:
            raise self._error
        return self._result


class Flights(Generic[T]):
    """Calls in flight by name: who comes while one is running gets its result, or its error."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: dict[str, _Flight[T]] = {}

    def share(self, name: str, function: Callable[[], T]) -> tuple[T, bool]:
        """The result of `function`, or of the call of this name that is running already.

        And whether it was this call that ran; raises what the running one raises.
        """
        with self._lock:
            running = self._running.get(name)
            if running is None:
                mine = self._running[name] = _Flight[T]()
        if running is not None:
            return running.wait(), False
        try:
            return mine.run(function), True
        finally:
            with self._lock:
                del self._running[name]


Release = Callable[[Callable[[], None]], None]
"""Lets go of a lock by a call, once others would find what came of having it."""


def call_at_once(unlock: Callable[[], None]) -> None:
    """The Release where nothing is on its way."""
    unlock()


class SingleFlightExecutor:
    """An Executor that merges runs of one key; the inner one must look into a cache first.

    Across processes: whoever gets the lock file of the key runs, the others wait, run after it,
    and find its result in the cache. A store that cannot be written has no lock files; its
    processes may do the same work twice.
    """

    def __init__(
        self, inner: Executor, locks: Path, interrupt: Interrupt, release: Release = call_at_once
    ) -> None:
        self._inner = inner
        self._locks = locks
        self._interrupt = interrupt
        self._release = release
        self._flights: Flights[tuple[ActionResult, ResultSource]] = Flights()

    def run(self, action: Action) -> tuple[ActionResult, ResultSource]:
        """As the inner executor, or LOCAL what another thread ran; raises also Interrupted."""
        name = action.key.hash
        (result, source), ran = self._flights.share(name, lambda: self._run_alone(name, action))
        return result, source if ran else ResultSource.LOCAL

    def _run_alone(self, name: str, action: Action) -> tuple[ActionResult, ResultSource]:
        lock = ExitStack()
        with suppress(StoreReadOnly):
            lock.enter_context(passing_lock(self._locks / name, self._pause))
        try:
            return self._inner.run(action)
        finally:
            self._release(lock.close)

    def _pause(self) -> None:
        self._interrupt.pause(_POLL)
