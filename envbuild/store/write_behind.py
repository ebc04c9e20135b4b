"""An action cache that keeps results while the build goes on."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

from envbuild.core.action import ActionResult
from envbuild.core.digest import Digest
from envbuild.core.errors import EnvbuildError
from envbuild.core.protocols import ActionCache


def nothing() -> None:
    """Closes what needs no closing."""


class WriteBehind:
    """An ActionCache whose `put` waits for nothing; a thread hands on to the inner one, in order.

    `tell` learns of each put that failed, and `close` is called in the same thread after the last one.
    Whoever is killed meanwhile has lost a result, which is a miss.
    """

    def __init__(
        self, inner: ActionCache, tell: Callable[[EnvbuildError], None], close: Callable[[], None] = nothing
    ) -> None:
        self._inner = inner
        self._tell = tell
        self._close = close
        self._waiting: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._pending: dict[Digest, ActionResult] = {}
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def get(self, key: Digest) -> ActionResult | None:
        """The result, be it written or not; raises what the inner cache raises."""
        return self._pending.get(key) or self._inner.get(key)

    def put(self, key: Digest, result: ActionResult) -> None:
        """Have the result kept soon."""
        self._pending[key] = result
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="action-cache", daemon=True)
                self._thread.start()
            self._waiting.put(lambda: self._write(key, result))

    def then(self, call: Callable[[], None]) -> None:
        """Call something once all that was put before is kept: at once where nothing waits."""
        with self._lock:
            if self._thread is not None:
                self._waiting.put(call)
                return
        call()

    def flush(self) -> None:
        """Wait until all is kept."""
        with self._lock:
            thread, self._thread = self._thread, None
            if thread is not None:
                self._waiting.put(None)
        if thread is not None:
            thread.join()

    def _work(self) -> None:
        while call := self._waiting.get():
            call()
        self._close()

    def _write(self, key: Digest, result: ActionResult) -> None:
        try:
            self._inner.put(key, result)
        except EnvbuildError as error:
            self._tell(error)
        self._pending.pop(key, None)
