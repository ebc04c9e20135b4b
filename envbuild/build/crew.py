"""The threads that run actions."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Mapping

from envbuild.core.action import ActionResult
from envbuild.core.dataclass import dataclass
from envbuild.core.digest import Digest
from envbuild.core.errors import EnvbuildError
from envbuild.core.events import ActionFailed, ActionFinished, ActionStarted, EventSink, ResultSource
from envbuild.core.protocols import Executor
from envbuild.graph.bind import bind_action
from envbuild.rule.declared import DeclaredAction, Output

# Seconds. A signal that comes just before the wait for an outcome does not end it: Python handles it after.
_SIGNALS_SEEN = 0.5


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an action ended: with a result, or with an error."""

    action: DeclaredAction
    result: ActionResult | None = None
    source: ResultSource = ResultSource.EXECUTED
    error: BaseException | None = None


class Crew:
    """Threads that run one action each at a time."""

    def __init__(self, executor: Executor, sink: EventSink, size: int) -> None:
        self._executor = executor
        self._sink = sink
        self._size = size
        self.running = 0
        self._tasks: queue.SimpleQueue[tuple[DeclaredAction, Mapping[str, ActionResult]] | None]
        self._tasks = queue.SimpleQueue()
        self._outcomes: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
        for n in range(size):
            threading.Thread(target=self._work, name=f"action-{n}", daemon=True).start()

    def is_free(self) -> bool:
        """Whether a thread has nothing to do."""
        return self.running < self._size

    def start(self, action: DeclaredAction, results: Mapping[str, ActionResult]) -> None:
        """Have a thread run `action`, whose dependencies are in `results`."""
        self.running += 1
        self._tasks.put((action, results))

    def next_outcome(self) -> Outcome:
        """Wait for a running action to end."""
        while True:
            try:
                outcome = self._outcomes.get(timeout=_SIGNALS_SEEN)
            except queue.Empty:
                continue
            self.running -= 1
            return outcome

    def drain(self, seconds: float) -> None:
        """Wait for all running actions to end, but not longer than this."""
        until = time.monotonic() + seconds
        try:
            while self.running:
                self._outcomes.get(timeout=max(0.0, until - time.monotonic()))
                self.running -= 1
        except queue.Empty:
            return

    def dismiss(self) -> None:
        """Let the threads end once they have nothing to do."""
        for _ in range(self._size):
            self._tasks.put(None)

    def _work(self) -> None:
        while task := self._tasks.get():
            self._outcomes.put(self._run(*task))

    def _run(self, action: DeclaredAction, results: Mapping[str, ActionResult]) -> Outcome:
        def output_digest(output: Output) -> Digest:
            return results[output.action.definition].outputs[output.path]

        identity = (action.definition, action.mnemonic, action.subject)
        self._sink.emit(ActionStarted(*identity))
        began = time.monotonic()
        try:
            result, source = self._executor.run(bind_action(action, output_digest))
        except BaseException as error:  # noqa: BLE001 (the scheduling thread raises it)
            # Others' words may hold what they were given, such as logins: what is a bug is told as one.
            message = str(error) if isinstance(error, EnvbuildError) else type(error).__name__
            self._sink.emit(ActionFailed(*identity, message=message))
            return Outcome(action, error=error)
        seconds = time.monotonic() - began
        unchanged = source is ResultSource.EXECUTED and result.unchanged
        self._sink.emit(ActionFinished(*identity, source, seconds, unchanged, action.impure))
        return Outcome(action, result, source)
