"""Runs a graph of declared actions on an executor, many at once.

Ctrl-C: no new action starts, `interrupt` makes the running ones fail at their next write, and the
scheduler waits for them a moment. Its threads are daemons, so one that hangs in a system call
cannot keep the process alive; the unfinished file it leaves is unlocked by its death and removed by
the next build. A second Ctrl-C does not wait.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from envbuild.build.crew import Crew, Outcome
from envbuild.build.plan import Plan, plan_actions
from envbuild.build.report import ActionCounts
from envbuild.core.dataclass import dataclass
from envbuild.core.errors import EnvbuildError, ErrorGroup
from envbuild.core.events import ActionFinished, BuildStarted, EventSink, ResultSource
from envbuild.core.protocols import Executor
from envbuild.graph.goal import Results
from envbuild.rule.declared import DeclaredAction, walk
from envbuild.store.interrupt import Interrupt

NOTHING_KNOWN: Results = {}
_GRACE = 3.0  # seconds that running actions get to clean up after themselves


class ActionError(EnvbuildError):
    """An error of one action, which it names; hint, place and exit code are the cause's."""

    def __init__(self, action: DeclaredAction, cause: EnvbuildError) -> None:
        what = f"{action.mnemonic} {action.subject}".strip()
        super().__init__(f"`{what}` failed: {cause.message}", hint=cause.hint, location=cause.location)
        self.exit_code = cause.exit_code
        self.action = action


@dataclass(frozen=True, slots=True)
class BuildReport:
    """What came out: results and where they came from by definition digest, and failures.

    All in the order of the graph, whatever order the actions ran in.
    """

    results: Results
    sources: Mapping[str, ResultSource]
    failures: tuple[ActionError, ...]

    def counts(self, *goals: DeclaredAction) -> ActionCounts:
        """Where the results of `goals` and of all they need came from."""
        found = Counter(self.sources.get(action.definition) for action in walk(*goals))
        return ActionCounts(*(found[source] for source in ResultSource))

    def failure(self, goal: DeclaredAction) -> EnvbuildError | None:
        """Why `goal` has no result: what failed of all that it needs; None where nothing did."""
        needed = set(walk(goal))
        return _group([each for each in self.failures if each.action in needed])

    def raise_failures(self) -> None:
        """Raises the failure, or an ErrorGroup of several; nothing where there is none."""
        if error := _group(self.failures):
            raise error


def _group(errors: Sequence[EnvbuildError]) -> EnvbuildError | None:
    """The only error, or an ErrorGroup of several; None where there is none."""
    if len(errors) > 1:
        return ErrorGroup(errors)
    return errors[0] if errors else None


class Scheduler:
    """Runs goals with `workers` threads; stops at the first failure unless told to `keep_going`.

    In `reverse`, the ready action that least waits for starts first: results must not depend on it.
    """

    def __init__(
        self,
        executor: Executor,
        sink: EventSink,
        interrupt: Interrupt,
        workers: int,
        *,
        keep_going: bool = False,
        reverse: bool = False,
    ) -> None:
        self._executor = executor
        self._sink = sink
        self._interrupt = interrupt
        self._workers = workers
        self._keep_going = keep_going
        self._reverse = reverse

    def run(self, goals: Sequence[DeclaredAction], known: Results = NOTHING_KNOWN) -> BuildReport:
        """Run all that `goals` need, but for what is `known`; failures are in the report.

        Raises KeyboardInterrupt, and bugs.
        """
        plan = plan_actions(goals)
        self._sink.emit(BuildStarted(tuple(goal.subject for goal in goals), len(plan.actions)))
        crew = Crew(self._executor, self._sink, min(self._workers, len(plan.actions)))
        progress = _Progress(plan, known, reverse=self._reverse)
        self._tell_known(progress.known)
        try:
            self._drive(progress, crew)
        except BaseException:
            self._interrupt.set()
            crew.drain(_GRACE)
            raise
        finally:
            crew.dismiss()
        return progress.report()

    def _tell_known(self, known: Iterable[DeclaredAction]) -> None:
        for action in known:
            identity = (action.definition, action.mnemonic, action.subject)
            self._sink.emit(ActionFinished(*identity, ResultSource.LOCAL, 0.0, impure=action.impure))

    def _drive(self, progress: _Progress, crew: Crew) -> None:
        while True:
            while crew.is_free() and not (progress.failures and not self._keep_going):
                action = progress.take()
                if action is None:
                    break
                crew.start(action, progress.results)
            if not crew.running:
                return
            progress.note(crew.next_outcome())


class _Progress:
    """Which actions are ready, done, or failed; used by the scheduling thread only."""

    def __init__(self, plan: Plan, known: Results, *, reverse: bool) -> None:
        self._plan = plan
        self._sign = -1 if reverse else 1
        self._place = {action: n for n, action in enumerate(plan.actions)}
        self.known = [action for action in plan.actions if action.definition in known]
        self.results = {action.definition: known[action.definition] for action in self.known}
        self._sources = dict.fromkeys(self.results, ResultSource.LOCAL)
        self._waiting = {action: self._count_unknown(action) for action in plan.actions}
        self._ready: list[tuple[int, int, int]] = []
        self.failures: dict[DeclaredAction, EnvbuildError] = {}
        for action in plan.actions:
            self._add_if_ready(action)

    def take(self) -> DeclaredAction | None:
        """The ready action whose turn it is; None where none is ready."""
        return self._plan.actions[heapq.heappop(self._ready)[-1]] if self._ready else None

    def note(self, outcome: Outcome) -> None:
        """Take in how an action ended; raises what is no EnvbuildError."""
        if isinstance(outcome.error, EnvbuildError):
            self.failures[outcome.action] = outcome.error
            return
        if outcome.error is not None:
            raise outcome.error
        assert outcome.result is not None
        self.results[outcome.action.definition] = outcome.result
        self._sources[outcome.action.definition] = outcome.source
        for above in self._plan.dependents[outcome.action]:
            self._waiting[above] -= 1
            self._add_if_ready(above)

    def report(self) -> BuildReport:
        """What came out so far."""
        done = [each for each in self._plan.actions if each.definition in self.results]
        failed = [each for each in self._plan.actions if each in self.failures]
        return BuildReport(
            results={each.definition: self.results[each.definition] for each in done},
            sources={each.definition: self._sources[each.definition] for each in done},
            failures=tuple(ActionError(each, self.failures[each]) for each in failed),
        )

    def _count_unknown(self, action: DeclaredAction) -> int:
        return sum(below.definition not in self.results for below in action.dependencies)

    def _add_if_ready(self, action: DeclaredAction) -> None:
        if self._waiting[action] == 0 and action.definition not in self.results:
            cost, place = self._plan.cost[action], self._place[action]
            heapq.heappush(self._ready, (-self._sign * cost, self._sign * place, place))
