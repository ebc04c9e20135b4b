"""Looks an action up before it is run, and keeps what came out."""

from __future__ import annotations

import threading

from envbuild.core.action import Action, ActionResult
from envbuild.core.errors import EnvbuildError
from envbuild.core.events import EventSink, Note, ResultSource
from envbuild.core.protocols import ActionCache, BlobStore, Executor


class CachingExecutor:
    """An Executor with an ActionCache before it.

    A cache that fails is a cache that misses: each different failure is told once, as an event.
    """

    def __init__(
        self,
        inner: Executor,
        cache: ActionCache,
        store: BlobStore,
        faults: FaultNotes,
        source: ResultSource = ResultSource.LOCAL,
    ) -> None:
        self._inner = inner
        self._cache = cache
        self._store = store
        self._faults = faults
        self._source = source

    def run(self, action: Action) -> tuple[ActionResult, ResultSource]:
        """The cached result if it is usable, else the inner executor's; raises what that raises."""
        found = self._look_up(action)
        if found is not None:
            return found, self._source
        result, source = self._inner.run(action)
        self._keep(action, result)
        return result, source

    def _look_up(self, action: Action) -> ActionResult | None:
        try:
            found = self._cache.get(action.key)
            usable = found is not None and self._is_usable(action, found)
        except EnvbuildError as error:
            self._faults.tell(error)
            return None
        return found if usable else None

    def _is_usable(self, action: Action, result: ActionResult) -> bool:
        """Whether it has the outputs that the action declares, and their blobs are there."""
        expected = set(action.command.output_paths)
        return set(result.outputs) == expected and not self._store.missing(result.outputs.values())

    def _keep(self, action: Action, result: ActionResult) -> None:
        try:
            self._cache.put(action.key, result)
        except EnvbuildError as error:
            self._faults.tell(error)


class FaultNotes:
    """Tells of what a cache failed with as warnings, each once."""

    def __init__(self, sink: EventSink) -> None:
        self._sink = sink
        self._told: set[str] = set()
        self._telling = threading.Lock()

    def tell(self, error: EnvbuildError) -> None:
        """Warn, unless that was told."""
        with self._telling:
            new = error.message not in self._told
            self._told.add(error.message)
        if new:
            self._sink.emit(Note("warning", str(error)))
