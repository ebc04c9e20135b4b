from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from envbuild.core.errors import BuildError
from envbuild.core.events import ResultSource, Silent
from envbuild.execute.builtin import Job
from envbuild.execute.caching import CachingExecutor, FaultNotes
from envbuild.execute.single_flight import Flights, SingleFlightExecutor
from envbuild.store.action_cache import DiskActionCache
from envbuild.store.disk import DiskStore
from envbuild.store.file_lock import passing_lock
from envbuild.store.interrupt import Interrupt, Interrupted
from tests.makers.actions import Counted, bind, declare, executor
from tests.makers.processes import close_folders, run_python, start_python

HELLO = bind(declare("hello"))


def stack(root: Path, builtin: Counted, interrupt: Interrupt | None = None) -> SingleFlightExecutor:
    cache = DiskActionCache(root / "actions")
    inner = CachingExecutor(executor(root, builtin), cache, DiskStore(root), FaultNotes(Silent()))
    return SingleFlightExecutor(inner, root / "locks", interrupt or Interrupt())


def test_threads_share_one_run(tmp_path: Path) -> None:
    everybody = threading.Barrier(4)
    builtin = Counted()
    single = stack(tmp_path, builtin)

    def run() -> ResultSource:
        everybody.wait()
        return single.run(HELLO)[1]

    with ThreadPoolExecutor(4) as pool:
        sources = Counter(future.result() for future in [pool.submit(run) for _ in range(4)])
    assert builtin.texts == ["hello"]
    assert sources == {ResultSource.EXECUTED: 1, ResultSource.LOCAL: 3}


def test_who_joins_gets_the_error_too_and_the_next_one_tries_anew() -> None:
    flights: Flights[int] = Flights()
    everybody = threading.Barrier(4)

    def fail() -> int:
        raise BuildError("no")

    def share() -> None:
        everybody.wait()
        with pytest.raises(BuildError):
            flights.share("name", fail)

    with ThreadPoolExecutor(4) as pool:
        for future in [pool.submit(share) for _ in range(4)]:
            future.result()
    assert flights.share("name", lambda: 2) == (2, True)


def test_no_lock_file_stays(tmp_path: Path) -> None:
    stack(tmp_path, Counted()).run(HELLO)
    assert list((tmp_path / "locks").iterdir()) == []


RUN = """
import sys
from pathlib import Path
from envbuild.execute.builtin import Job
from envbuild.rule.purity import unwatched
from tests.makers.actions import Counted, bind, declare
from tests.unit.execute.test_single_flight import stack

def log(job: Job) -> None:
    with unwatched(), open(sys.argv[2], "a") as file:
        file.write(job.parameters["text"] + "\\n")

single = stack(Path(sys.argv[1]), Counted(log))
for n in range(30):
    single.run(bind(declare(f"action {n}")))
"""


def test_processes_run_each_action_once(tmp_path: Path) -> None:
    log = tmp_path / "log"
    processes = [start_python(RUN, tmp_path / "store", log) for _ in range(3)]
    for process in processes:
        process.communicate()
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert sorted(log.read_text().splitlines()) == sorted(f"action {n}" for n in range(30))


def test_an_interrupt_ends_the_wait_for_another_process(tmp_path: Path) -> None:
    interrupt = Interrupt()
    single = stack(tmp_path, Counted(), interrupt)
    with passing_lock(tmp_path / "locks" / HELLO.key.hash, lambda: None), ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(single.run, HELLO)
        interrupt.set()
        assert isinstance(waiting.exception(), Interrupted)


HOLD = """
import sys
from pathlib import Path
from envbuild.store.file_lock import passing_lock
with passing_lock(Path(sys.argv[1]), lambda: None):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_killed_process_holds_no_action(tmp_path: Path) -> None:
    other = start_python(HOLD, tmp_path / "locks" / HELLO.key.hash)
    assert other.stdout is not None
    assert other.stdout.readline() == "held\n"
    other.kill()
    other.communicate()
    assert stack(tmp_path, Counted()).run(HELLO)[1] is ResultSource.EXECUTED


READ_ONLY = """
import sys
from pathlib import Path
from envbuild.store import bytes_disk
from tests.makers.actions import Counted
from tests.makers.processes import become_nobody
from tests.unit.execute.test_single_flight import HELLO, stack
become_nobody()
print(stack(Path(sys.argv[1]), Counted()).run(HELLO)[1].value)
"""


def test_a_store_that_cannot_be_written_still_gives_hits(public_folder: Path) -> None:
    stack(public_folder / "store", Counted()).run(HELLO)
    close_folders(public_folder / "store")
    done = run_python(READ_ONLY, public_folder / "store")
    assert (done.stdout, done.stderr) == ("local\n", "")


def test_a_bug_is_no_shared_silence(tmp_path: Path) -> None:
    def fail(job: Job) -> None:
        raise KeyError("bug")

    with pytest.raises(KeyError, match="bug"):
        stack(tmp_path, Counted(fail)).run(HELLO)
