from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from envbuild.execute.bounded import BoundedExecutor
from envbuild.execute.builtin import Job
from tests.makers.actions import Counted, bind, declare, executor


def test_no_more_than_the_limit_run_and_the_limit_does(tmp_path: Path) -> None:
    both = threading.Barrier(2)  # each run waits until a second one is there: two do run at once
    lock = threading.Lock()
    running = most = 0

    def meet(job: Job) -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        both.wait()
        with lock:
            running -= 1

    bounded = BoundedExecutor(executor(tmp_path, Counted(meet)), 2)
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda n: bounded.run(bind(declare(str(n)))), range(6)))
    assert most == 2


def test_a_failure_gives_its_turn_back(tmp_path: Path) -> None:
    def fail(job: Job) -> None:
        if job.parameters["text"] == "bad":
            raise KeyError("bad")

    bounded = BoundedExecutor(executor(tmp_path, Counted(fail)), 1)
    with pytest.raises(KeyError):
        bounded.run(bind(declare("bad")))
    assert bounded.run(bind(declare("good")))[0].outputs
