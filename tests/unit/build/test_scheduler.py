from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from envbuild.build.report import ActionCounts
from envbuild.build.scheduler import NOTHING_KNOWN, ActionError, BuildReport, Scheduler
from envbuild.core.errors import ArchiveError, ErrorGroup, ExitCode, SourceError
from envbuild.core.events import ActionFailed, ActionFinished, ActionStarted, BuildStarted, EventSink, Silent
from envbuild.execute.builtin import BuiltinExecutor, Job
from envbuild.execute.caching import CachingExecutor, FaultNotes
from envbuild.graph.goal import Results
from envbuild.rule.declared import Builtin, DeclaredAction, SourceFile, walk
from envbuild.store.action_cache import DiskActionCache
from envbuild.store.disk import DiskStore
from envbuild.store.interrupt import Interrupt, InterruptibleStore
from tests.makers.actions import JOIN, OUT, Counted, Recorder, declare
from tests.makers.processes import start_python

CONSTANT = Builtin("constant", 1)


def constant(job: Job) -> None:
    """Writes the same whatever it is given."""
    job.outputs[OUT].write(b"constant")


def build(
    root: Path,
    *goals: DeclaredAction,
    builtin: Callable[[Job], None] | None = None,
    sink: EventSink | None = None,
    workers: int = 4,
    keep_going: bool = False,
    reverse: bool = False,
    known: Results = NOTHING_KNOWN,
) -> BuildReport:
    interrupt = Interrupt()
    store = InterruptibleStore(DiskStore(root), interrupt)
    builtins = {JOIN: builtin or Counted(), CONSTANT: constant}
    cache = DiskActionCache(root / "actions")
    executor = CachingExecutor(BuiltinExecutor(store, builtins, workers), cache, store, FaultNotes(Silent()))
    scheduler = Scheduler(
        executor, sink or Silent(), interrupt, workers, keep_going=keep_going, reverse=reverse
    )
    return scheduler.run(goals, known)


def diamond(text: str = "c") -> DeclaredAction:
    """From `top` over (left, right) to `bottom`."""
    bottom = declare(text)
    return declare("top ", declare("left ", bottom), declare("right ", bottom))


def test_outputs_flow_to_dependents(tmp_path: Path) -> None:
    goal = diamond()
    report = build(tmp_path, goal)
    report.raise_failures()
    assert DiskStore(tmp_path).read(report.results[goal.definition].outputs[OUT]) == b"top left cright c"
    assert report.counts(goal) == ActionCounts(executed=4)


def test_a_second_build_executes_nothing(tmp_path: Path) -> None:
    first, second = build(tmp_path, diamond()), build(tmp_path, diamond())
    assert second.results == first.results
    assert second.counts(diamond()) == ActionCounts(local=4)


def test_early_cutoff(tmp_path: Path) -> None:
    # What is below changed, but not what it makes: nothing above runs again.
    def goal(text: str) -> DeclaredAction:
        return declare("top", declare(text, builtin=CONSTANT))

    build(tmp_path, goal("one"))
    told = Recorder()
    report = build(tmp_path, goal("two"), sink=told)
    assert report.counts(goal("two")) == ActionCounts(executed=1, local=1)
    finished = [event for event in told.events if isinstance(event, ActionFinished)]
    assert [(event.subject, event.unchanged) for event in finished] == [("two", True), ("top", False)]


def test_results_do_not_depend_on_the_number_of_workers(tmp_path: Path) -> None:
    goals = [diamond(str(n)) for n in range(10)]
    one = build(tmp_path / "one", *goals, workers=1)
    many = build(tmp_path / "many", *goals, workers=8)
    assert list(one.results.items()) == list(many.results.items())


def test_counts_of_a_goal_hold_only_what_it_needs(tmp_path: Path) -> None:
    shared = declare("shared")
    left, right = declare("left", shared), declare("right", shared)
    report = build(tmp_path, left, right)
    assert report.counts(left) == ActionCounts(executed=2)
    assert report.counts(left, right) == ActionCounts(executed=3)


def test_independent_actions_run_at_once(tmp_path: Path) -> None:
    both = threading.Barrier(2)  # each waits until the other one runs
    goals = [declare("a"), declare("b")]

    def meet(job: Job) -> None:
        both.wait()

    report = build(tmp_path, *goals, builtin=Counted(meet), workers=2)
    assert report.counts(*goals) == ActionCounts(executed=2)


def test_the_longest_chain_starts_first(tmp_path: Path) -> None:
    def file(size: int) -> dict[str, SourceFile]:
        digest = DiskStore(tmp_path).put(b"x" * size)
        return {"file": SourceFile(digest, executable=False, path="")}

    small, big = declare("small", inputs=file(10)), declare("big", inputs=file(500_000))
    chain = declare("start of a chain")
    for n in range(9):
        chain = declare(f"link {n}", chain)
    builtin = Counted()
    build(tmp_path, declare("goal", small, big, chain), builtin=builtin, workers=1)
    assert builtin.texts.index("start of a chain") < builtin.texts.index("big") < builtin.texts.index("small")
    assert builtin.texts[-1] == "goal"


def test_another_order_changes_no_result(tmp_path: Path) -> None:
    def goal() -> DeclaredAction:
        return declare("goal", *map(declare, "abcdef"), declare("top", declare("chain")))

    forwards, backwards = Counted(), Counted()
    one = build(tmp_path / "one", goal(), builtin=forwards, workers=1)
    two = build(tmp_path / "two", goal(), builtin=backwards, workers=1, reverse=True)
    assert forwards.texts[0] == "chain"
    assert backwards.texts[:6] == list("fedcba")
    assert one.results == two.results


def fail_on(*texts: str) -> Counted:
    def fail(job: Job) -> None:
        if job.parameters["text"] in texts:
            raise ArchiveError("its bytes are bad", hint="get another")

    return Counted(fail)


def test_the_first_failure_stops_new_work(tmp_path: Path) -> None:
    builtin = fail_on("bad")
    goals = [declare("bad"), *(declare(f"good {n}") for n in range(20))]
    report = build(tmp_path, *goals, builtin=builtin, workers=1)
    assert builtin.texts == ["bad"]
    assert report.results == {}
    with pytest.raises(ActionError, match="`Join bad` failed: its bytes are bad") as caught:
        report.raise_failures()
    assert caught.value.hint == "get another"
    assert caught.value.exit_code is ExitCode.BUILD


def test_keep_going_builds_all_that_does_not_depend_on_failures(tmp_path: Path) -> None:
    goals = [declare("above", declare("bad")), declare("worse"), declare("above good", declare("good"))]
    report = build(tmp_path, *goals, builtin=fail_on("bad", "worse"), keep_going=True)
    assert set(report.results) == {goals[2].definition, declare("good").definition}
    with pytest.raises(ErrorGroup) as caught:
        report.raise_failures()
    assert [error.message for error in caught.value.errors] == [
        "`Join bad` failed: its bytes are bad",
        "`Join worse` failed: its bytes are bad",
    ]
    assert [str(report.failure(goal)) for goal in goals] == [
        "`Join bad` failed: its bytes are bad\nhint: get another",
        "`Join worse` failed: its bytes are bad\nhint: get another",
        "None",
    ]


def test_a_failure_keeps_the_exit_code_of_its_cause(tmp_path: Path) -> None:
    def fail(job: Job) -> None:
        raise SourceError("unreachable")

    report = build(tmp_path, declare("bad"), builtin=fail)
    assert report.failures[0].exit_code is ExitCode.SERVICE


def test_what_succeeded_before_a_failure_is_kept(tmp_path: Path) -> None:
    goal = declare("bad", declare("good"))
    build(tmp_path, goal, builtin=fail_on("bad"))
    report = build(tmp_path, goal)
    assert report.counts(goal) == ActionCounts(executed=1, local=1)


def test_a_bug_comes_out_as_it_is(tmp_path: Path) -> None:
    def fail(job: Job) -> None:
        raise KeyError("bug")

    with pytest.raises(KeyError, match="bug"):
        build(tmp_path, diamond(), builtin=fail)


def test_events_tell_the_story(tmp_path: Path) -> None:
    recorder = Recorder()
    goal = declare("bad", declare("good"))
    build(tmp_path, goal, builtin=fail_on("bad"), sink=recorder)
    kinds = [type(event) for event in recorder.events]
    assert kinds == [BuildStarted, ActionStarted, ActionFinished, ActionStarted, ActionFailed]
    assert recorder.events[0] == BuildStarted(("bad",), 2)


def test_nothing_to_do(tmp_path: Path) -> None:
    assert build(tmp_path).results == {}


INTERRUPTED = """
import signal, sys
from pathlib import Path
from envbuild.execute.builtin import Job
from tests.makers.actions import OUT, declare
from tests.unit.build.test_scheduler import build

def write_on_and_on(job: Job) -> None:
    print("writing\\n", end="", flush=True)  # in one piece: two threads say it
    while True:
        job.outputs[OUT].write(b"x")

try:
    build(Path(sys.argv[1]), declare("a"), declare("b"), builtin=write_on_and_on, workers=2)
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


def test_ctrl_c_leaves_nothing_behind(tmp_path: Path) -> None:
    process = start_python(INTERRUPTED, tmp_path)
    assert process.stdout is not None
    assert [process.stdout.readline() for _ in range(2)] == ["writing\n"] * 2
    process.send_signal(signal.SIGINT)
    assert process.communicate()[0] == "interrupted\n"
    assert process.returncode == 0
    store = DiskStore(tmp_path)
    assert not store.blobs.exists()
    assert list(store.temporary.iterdir()) == []


HANGING = """
import sys, threading
from pathlib import Path
from tests.makers.actions import OUT, declare
from tests.unit.build.test_scheduler import build

def hang(job):
    job.outputs[OUT].write(b"x")
    print("hanging", flush=True)
    threading.Event().wait()

build(Path(sys.argv[1]), declare("a"), builtin=hang)
"""


def test_an_action_that_hangs_cannot_keep_the_process_alive(tmp_path: Path) -> None:
    process = start_python(HANGING, tmp_path)
    assert process.stdout is not None
    assert process.stdout.readline() == "hanging\n"
    process.send_signal(signal.SIGINT)
    process.communicate()
    assert process.returncode == -signal.SIGINT  # Python's own way to end after KeyboardInterrupt
    store = DiskStore(tmp_path)
    assert len(list(store.temporary.iterdir())) == 1
    store.put(b"the next build")
    assert list(store.temporary.iterdir()) == []


def test_what_is_known_is_not_run(tmp_path: Path) -> None:
    goal, recorder, runs = diamond(), Recorder(), Counted()
    whole = build(tmp_path / "one", goal)
    left = next(each for each in walk(goal) if each.parameters["text"] == "left ")
    known = {action.definition: whole.results[action.definition] for action in walk(left)}
    report = build(tmp_path / "one", goal, builtin=runs, sink=recorder, known=known)
    assert report.results == whole.results
    assert report.counts(goal) == ActionCounts(local=4)  # the other two are in the cache
    finished = [event.id for event in recorder.events if isinstance(event, ActionFinished)]
    assert sorted(finished) == sorted(whole.results)
    started = [event.id for event in recorder.events if isinstance(event, ActionStarted)]
    assert set(started) == whole.results.keys() - known.keys()


def test_a_known_result_above_an_unknown_one_stays(tmp_path: Path) -> None:
    goal = diamond()
    whole = build(tmp_path, goal)
    known = {goal.definition: whole.results[goal.definition]}
    assert build(tmp_path, goal, known=known).results == whole.results


def test_where_all_is_known_nothing_starts(tmp_path: Path) -> None:
    goal, recorder = diamond(), Recorder()
    known = build(tmp_path, goal).results
    assert build(tmp_path, goal, sink=recorder, known=known).results == known
    assert not [event for event in recorder.events if isinstance(event, ActionStarted)]
