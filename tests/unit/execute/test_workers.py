"""Builtins in forked processes: what they make, what goes wrong, and how they end."""

from __future__ import annotations

import os
import resource
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from envbuild.core.digest import Digest
from envbuild.core.errors import ArchiveError, BuildError
from envbuild.execute.builtin import BuiltinExecutor, Job
from envbuild.execute.workers import open_workers
from envbuild.rule.declared import SourceFile
from envbuild.rule.purity import Undeclared
from envbuild.store.disk import DiskStore
from envbuild.store.faults import BlobMismatch
from envbuild.store.interrupt import Interrupt, Interrupted, InterruptibleStore
from tests.makers.actions import JOIN, OUT, bind, declare, join


@contextmanager
def executor(
    root: Path, function: Callable[[Job], object] = join, count: int = 1, interrupt: Interrupt | None = None
) -> Iterator[BuiltinExecutor]:
    """An executor with one builtin, run by `count` workers."""
    interrupt = interrupt or Interrupt()

    def call(job: Job) -> None:
        function(job)

    with open_workers({JOIN: call}, count, interrupt.check) as functions:
        yield BuiltinExecutor(InterruptibleStore(DiskStore(root), interrupt), functions, count)


def given(store: DiskStore, text: bytes) -> SourceFile:
    return SourceFile(store.put(text), executable=False, path="")


def files(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file()]


def wait_for_bytes(root: Path) -> None:
    while not any(path.stat().st_size for path in files(root)):
        threading.Event().wait(0.01)


def test_outputs_are_in_the_store_and_inputs_in_order(tmp_path: Path) -> None:
    store = DiskStore(tmp_path)
    inputs = {name: given(store, name.encode()) for name in ("b", "a/c")}
    with executor(tmp_path) as workers:
        result, _ = workers.run(bind(declare("text ", inputs=inputs)))
    assert store.read(result.outputs[OUT]) == b"text a/cb"


def test_what_many_workers_make_does_not_depend_on_who_made_it(tmp_path: Path) -> None:
    texts = [str(n) for n in range(40)]
    with executor(tmp_path, count=3) as workers, ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda text: workers.run(bind(declare(text)))[0], texts))
    assert [result.outputs[OUT] for result in results] == [Digest.of(text.encode()) for text in texts]


def test_functions_run_in_other_processes_which_end_with_the_block(tmp_path: Path) -> None:
    store = DiskStore(tmp_path)

    def tell(job: Job) -> None:
        job.outputs[OUT].write(str(os.getpid()).encode())

    with executor(tmp_path, tell) as workers:
        made = workers.run(bind(declare("")))[0].outputs[OUT]
    process = int(store.read(made))
    assert process != os.getpid()
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (ArchiveError("a lie", hint="ask"), ArchiveError, "a lie\nhint: ask"),
        (EOFError("short"), BuildError, "an input is not what it claims to be"),  # not the pipe's end
        (KeyError("x"), KeyError, "x"),
    ],
)
def test_errors_are_raised_where_the_job_came_from(
    tmp_path: Path, error: Exception, kind: type[Exception], words: str
) -> None:
    def fail(job: Job) -> None:
        job.outputs[OUT].write(b"half")
        if job.parameters["text"] == "bad":
            raise error

    with executor(tmp_path, fail) as workers:
        with pytest.raises(kind, match=words):
            workers.run(bind(declare("bad")))
        assert files(tmp_path) == []
        assert workers.run(bind(declare("good")))  # the worker goes on


def test_a_bug_says_where_it_is(tmp_path: Path) -> None:
    def stumble(job: Job) -> None:
        raise AssertionError

    with executor(tmp_path, stumble) as workers, pytest.raises(AssertionError) as caught:
        workers.run(bind(declare("")))
    assert "in stumble" in caught.value.__notes__[0]


class Unsendable(Exception):
    """One that cannot be made again from its arguments."""

    def __init__(self, one: object, other: object) -> None:
        super().__init__(one)
        self.other = other


def test_an_error_that_cannot_be_sent_is_named(tmp_path: Path) -> None:
    def fail(job: Job) -> None:
        raise Unsendable(1, 2)

    with executor(tmp_path, fail) as workers, pytest.raises(RuntimeError, match="Unsendable in a worker"):
        workers.run(bind(declare("")))


def test_a_damaged_input_is_set_aside_and_an_error(tmp_path: Path) -> None:
    store = DiskStore(tmp_path)
    content = given(store, b"content")
    path = store.path(content.digest)
    path.chmod(0o644)
    path.write_bytes(b"CONTENT")
    with executor(tmp_path) as workers, pytest.raises(BlobMismatch, match=content.digest.hash):
        workers.run(bind(declare("x", inputs={"in": content})))
    assert (store.quarantine / content.digest.hash).read_bytes() == b"CONTENT"


@pytest.mark.parametrize(
    "use",
    [
        lambda job: Path(__file__).read_bytes(),
        lambda job: next(iter(job.inputs.values())).with_name("0" * 64).open(),
        lambda job: os.listdir("/"),  # noqa: PTH208
    ],
)
def test_a_builtin_uses_nothing_but_its_inputs(tmp_path: Path, use: Callable[[Job], object]) -> None:
    inputs = {"in": given(DiskStore(tmp_path), b"content")}
    with executor(tmp_path, use) as workers, pytest.raises(Undeclared):
        workers.run(bind(declare("x", inputs=inputs)))


def test_a_worker_that_is_killed_is_an_error(tmp_path: Path) -> None:
    def end(job: Job) -> None:
        job.outputs[OUT].write(b"half")
        os.kill(os.getpid(), signal.SIGKILL)

    with executor(tmp_path, end) as workers:
        for _ in range(2):  # and stays one: nobody waits for ever
            with pytest.raises(BuildError, match="`join` is gone"):
                workers.run(bind(declare("")))
    assert files(tmp_path) == []


def test_an_interrupt_ends_what_a_worker_writes(tmp_path: Path) -> None:
    def write_on(job: Job) -> None:
        while True:
            job.outputs[OUT].write(b"more")

    interrupt = Interrupt()
    with executor(tmp_path, write_on, interrupt=interrupt) as workers, ThreadPoolExecutor(1) as pool:
        running = pool.submit(workers.run, bind(declare("")))
        wait_for_bytes(tmp_path)
        interrupt.set()
        with pytest.raises(Interrupted):
            running.result()
    assert files(tmp_path) == []


def test_what_runs_when_the_block_is_left_by_an_error_is_ended(tmp_path: Path) -> None:
    def hang(job: Job) -> None:
        job.outputs[OUT].write(bytes(1 << 20))
        signal.pause()

    def leave(pool: ThreadPoolExecutor) -> None:
        with executor(tmp_path, hang) as workers:
            running.append(pool.submit(workers.run, bind(declare(""))))
            wait_for_bytes(tmp_path)
            raise KeyboardInterrupt

    running: list[Future[object]] = []
    with ThreadPoolExecutor(1) as pool:
        with pytest.raises(KeyboardInterrupt):
            leave(pool)
        with pytest.raises(BuildError, match="is gone"):
            running[0].result()
    assert files(tmp_path) == []


def test_a_worker_has_nothing_open_that_is_not_its_own(tmp_path: Path) -> None:
    with (tmp_path / "lock").open("wb") as lock:

        def look(job: Job) -> None:
            os.fstat(lock.fileno())

        with executor(tmp_path / "store", look) as workers, pytest.raises(OSError, match="descriptor"):
            workers.run(bind(declare("")))


def children() -> set[str]:
    """The processes that this one has started and not buried."""
    tasks = Path("/proc/self/task").iterdir()
    return {child for task in tasks for child in (task / "children").read_text().split()}


def test_a_system_that_starts_no_more_processes_is_an_error(tmp_path: Path) -> None:
    before = children()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    used = max(int(path.name) for path in Path("/proc/self/fd").iterdir())
    taken = [os.dup(0)]
    while taken[-1] < used:  # leave no holes
        taken.append(os.dup(0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (taken[-1] + 8, hard))  # room for some workers
    try:
        with pytest.raises(BuildError, match="no process for the build can be started"):
            executor(tmp_path, count=100).__enter__()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for descriptor in taken:
            os.close(descriptor)
    assert children() == before  # the first ones have ended, too


ORPHANED = """
import os, sys, threading
from pathlib import Path
from envbuild.execute.workers import open_workers
from tests.unit.execute.test_workers import DiskStore, JOIN, Job, OUT, BuiltinExecutor, bind, declare

def write_on(job: Job) -> None:
    print(os.getpid(), flush=True)
    while True:
        job.outputs[OUT].write(b"more")

with open_workers({JOIN: write_on}, 1, lambda: None) as functions:
    BuiltinExecutor(DiskStore(Path(sys.argv[1])), functions, 1).run(bind(declare("")))
"""


def test_a_worker_ends_when_who_forked_it_is_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", ORPHANED, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        worker = os.pidfd_open(int(process.stdout.readline()))
        process.kill()
        select.select([worker], [], [])  # readable once it has ended
        os.close(worker)
