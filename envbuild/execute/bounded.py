"""At most so many at once."""

from __future__ import annotations

import threading

from envbuild.core.action import Action, ActionResult
from envbuild.core.events import ResultSource
from envbuild.core.protocols import Executor


class BoundedExecutor:
    """An Executor that lets `limit` runs of the inner one happen at a time; others wait their turn."""

    def __init__(self, inner: Executor, limit: int) -> None:
        self._inner = inner
        self._turns = threading.BoundedSemaphore(limit)

    def run(self, action: Action) -> tuple[ActionResult, ResultSource]:
        """As the inner executor."""
        with self._turns:
            return self._inner.run(action)
