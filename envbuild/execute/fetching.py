"""Gets what an action reads, once it is certain that the action must run."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from functools import partial

from envbuild.core.action import Action, ActionResult
from envbuild.core.digest import Digest
from envbuild.core.errors import SourceError
from envbuild.core.events import ResultSource
from envbuild.core.protocols import BlobStore, Executor
from envbuild.execute.single_flight import Flights
from envbuild.lock.model import Locked


class FetchingExecutor:
    """An Executor that brings locked artifacts into the store before the inner one runs.

    `artifacts` are what a build may fetch, by sha256. `fetch` puts one into the store, verified,
    or raises EnvbuildError; `parallel` of them run at a time, whatever bounds the inner executor.
    """

    def __init__(
        self,
        inner: Executor,
        store: BlobStore,
        artifacts: Mapping[str, Locked],
        fetch: Callable[[Locked], None],
        parallel: int,
    ) -> None:
        self._inner = inner
        self._store = store
        self._artifacts = artifacts
        self._fetch = fetch
        self._turns = threading.BoundedSemaphore(parallel)
        self._flights: Flights[None] = Flights()

    def run(self, action: Action) -> tuple[ActionResult, ResultSource]:
        """As the inner executor; raises also what `fetch` raises."""
        for digest in sorted(self._store.missing(action.inputs.values())):
            if digest.hash in self._artifacts:
                self._flights.share(digest.hash, partial(self._supply, digest))
        return self._inner.run(action)

    def _supply(self, digest: Digest) -> None:
        with self._turns:
            if self._store.has(digest):  # another action's fetch ended meanwhile
                return
            artifact = self._artifacts[digest.hash]
            self._fetch(artifact)
        if not self._store.has(digest):
            raise SourceError(f"`{artifact.file}` was fetched, but is not `{digest}` of {digest.size} bytes")
