"""What runs actions, put together: the store, the caches, and the executors before one another."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from envbuild.build.plan import bytes_read, find_artifacts, find_files
from envbuild.build.scheduler import NOTHING_KNOWN, BuildReport, Scheduler
from envbuild.core.dataclass import dataclass, field
from envbuild.core.events import EventSink, Note
from envbuild.core.protocols import Executor
from envbuild.execute.builtin import BuiltinExecutor
from envbuild.execute.caching import CachingExecutor, FaultNotes
from envbuild.execute.importing import ImportingExecutor
from envbuild.execute.single_flight import SingleFlightExecutor
from envbuild.execute.switch import SwitchingExecutor
from envbuild.execute.table import load_builtins
from envbuild.graph.goal import Results
from envbuild.options import DOCKER, SANDBOX
from envbuild.publish.layout import LocalImages
from envbuild.rule.builtins import RUN_STEP
from envbuild.rule.declared import DeclaredAction, walk
from envbuild.store.action_cache import DiskActionCache
from envbuild.store.disk import DiskStore
from envbuild.store.interrupt import Interrupt, InterruptibleStore
from envbuild.store.write_behind import WriteBehind

if TYPE_CHECKING:
    from envbuild.execute.steps import Runner, Secrets
    from envbuild.lock.model import Locked

Fetch = Callable[["Locked"], None]
DOWNLOADS: Final = 32
"""At a time, whatever the number of jobs: most of the time they wait for an answer, half of it for an
index's page, so that some sixteen files are on their way."""
SET_ASIDE: Final = Note("warning", "damaged blobs were set aside, and are made or fetched again")
_LITTLE: Final = 4_000_000  # bytes to read that are worth no process: to fork one takes some 5 ms


@dataclass(frozen=True, slots=True)
class Manner:
    """How actions are run, which no key knows.

    So many `jobs` at once, in `reverse` those first that least waits for. Steps run in the `executor`
    (SANDBOX or DOCKER), each for `seconds` of wall time, in `memory` bytes and with `processes` at most
    (0: no limit), and see `secrets` by id; what a failed one changed is kept where that is asked for.
    """

    jobs: int
    keep_going: bool = False
    reverse: bool = False
    executor: str = SANDBOX
    seconds: float = 0
    memory: int = 0
    processes: int = 0
    keep_failed: bool = False
    secrets: Secrets = field(default_factory=dict, repr=False)


class Execution:
    """Runs actions with all that stays in the folder `cache`; nothing is opened before it is needed."""

    def __init__(self, cache: Path, sink: EventSink) -> None:
        self.cache = cache
        self.sink = sink
        self.interrupt = Interrupt()
        self.disk = DiskStore(cache)
        self.store = InterruptibleStore(self.disk, self.interrupt)
        self.actions = DiskActionCache(cache / "actions")
        self.images = LocalImages(cache, self.store)
        self._faults = FaultNotes(sink)

    def run(
        self,
        goals: Sequence[DeclaredAction],
        manner: Manner,
        fetch: Fetch | None = None,
        known: Results = NOTHING_KNOWN,
    ) -> BuildReport:
        """Execute all that `goals` need and whose result is not `known`.

        With `fetch`, artifacts that are missing are brought, and all is run once more where blobs were
        damaged, which are gone then.
        """
        actions = [action for action in walk(*goals) if action.definition not in known]
        steps = self._open_steps(actions, manner)
        with self._open_builtins(actions, manner.jobs) as builtins, self._open_results() as results:
            executor = self._executor(actions, SwitchingExecutor(steps, builtins), results, fetch)
            scheduler = Scheduler(
                executor,
                self.sink,
                self.interrupt,
                manner.jobs + (DOWNLOADS if fetch else 0),
                keep_going=manner.keep_going,
                reverse=manner.reverse,
            )
            damaged = self.disk.damaged
            outcome = scheduler.run(goals, known)
            if not (fetch and outcome.failures and self.disk.damaged > damaged):
                return outcome
            self.sink.emit(SET_ASIDE)
            return scheduler.run(goals, known)

    @contextmanager
    def _open_builtins(self, actions: Sequence[DeclaredAction], jobs: int) -> Iterator[Executor]:
        """What runs builtins; where there is little for them to do, in this process."""
        functions = load_builtins({action.builtin for action in actions})
        if sum(map(bytes_read, actions)) < _LITTLE:
            yield BuiltinExecutor(self.store, functions, jobs)
            return
        from envbuild.execute.workers import open_workers

        with open_workers(functions, min(jobs, len(actions)), self.interrupt.check) as run_by_workers:
            yield BuiltinExecutor(self.store, run_by_workers, jobs)

    @contextmanager
    def _open_results(self) -> Iterator[WriteBehind]:
        """The action cache, which has all that was put when this ends."""
        results = WriteBehind(self.actions, self._faults.tell, self.actions.close)
        try:
            yield results
        finally:
            results.flush()

    def _executor(
        self,
        actions: Sequence[DeclaredAction],
        executor: Executor,
        results: WriteBehind,
        fetch: Fetch | None,
    ) -> Executor:
        executor = ImportingExecutor(executor, self.store, find_files(actions))
        if fetch:
            from envbuild.execute.fetching import FetchingExecutor

            executor = FetchingExecutor(executor, self.store, find_artifacts(actions), fetch, DOWNLOADS)
        executor = CachingExecutor(executor, results, self.store, self._faults)
        return SingleFlightExecutor(executor, self.cache / "locks", self.interrupt, results.then)

    def _open_steps(self, actions: Sequence[DeclaredAction], manner: Manner) -> Mapping[str, Executor]:
        """What runs steps, by the builtin's name, where there are any; its process starts now."""
        if all(action.builtin != RUN_STEP for action in actions):
            return {}
        from envbuild.execute.sandbox.sandbox import Limits
        from envbuild.execute.steps import StepExecutor, StepSettings

        settings = StepSettings(
            manner.secrets, Limits(manner.memory, manner.processes), manner.seconds, manner.keep_failed
        )
        runner = self._runner(manner.executor)
        executor = StepExecutor(
            runner, self.store, self.cache, self.sink, self.interrupt, manner.jobs, settings
        )
        return {RUN_STEP.name: executor}

    def _runner(self, executor: str) -> Runner:
        if executor == DOCKER:
            from envbuild.execute.docker.runner import DockerRunner

            return DockerRunner(self.cache, self.interrupt)
        from envbuild.execute.sandbox.runner import SandboxRunner

        return SandboxRunner(self.cache, self.interrupt)
