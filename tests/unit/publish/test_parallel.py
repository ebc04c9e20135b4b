from __future__ import annotations

import sys
import threading
from collections.abc import Iterator

import pytest

from envbuild.core.errors import BuildError
from envbuild.publish.parallel import Stop, Stopped, run_parallel


def test_results_are_in_the_order_of_the_items() -> None:
    """The first one finishes last."""
    later = threading.Event()

    def work(item: int, stop: Stop) -> int:
        if item == 0:
            later.wait()
        else:
            later.set()
        return item * 2

    assert run_parallel(work, range(4), jobs=2) == [0, 2, 4, 6]


def test_the_first_failure_ends_the_others() -> None:
    """The other one gives up as soon as it asks, and so does what begins meanwhile."""
    begun, stopped, running = list[int](), list[int](), threading.Event()

    def work(item: int, stop: Stop) -> None:
        begun.append(item)
        if item == 0:
            running.wait()
            raise BuildError("this one")
        running.set()
        try:
            while True:
                stop.check()
        except Stopped:
            stopped.append(item)
            raise

    with pytest.raises(BuildError, match="this one"):
        run_parallel(work, range(50), jobs=2)
    assert 1 in stopped
    assert sorted(begun) == [0, *sorted(stopped)]


def test_nothing_begins_after_a_failure() -> None:
    """A thread knows of its failure before the next item: the main thread gets no turn to tell it."""
    begun, waited_for = list[int](), threading.Event()

    def items() -> Iterator[int]:
        yield from range(50)
        waited_for.set()

    def work(item: int, stop: Stop) -> None:
        stop.check()
        waited_for.wait()
        begun.append(item)
        raise BuildError("this one")

    turn = sys.getswitchinterval()
    sys.setswitchinterval(60)
    try:
        with pytest.raises(BuildError, match="this one"):
            run_parallel(work, items(), jobs=1)
    finally:
        sys.setswitchinterval(turn)
    assert begun == [0]


def test_what_does_not_ask_is_not_waited_for() -> None:
    """Such as a transfer that waits for a silent server, when another one fails."""
    silent, begun = threading.Event(), threading.Event()

    def work(item: int, stop: Stop) -> None:
        if item == 0:
            begun.set()
            silent.wait()
        begun.wait()
        raise BuildError("this one")

    with pytest.raises(BuildError, match="this one"):
        run_parallel(work, range(2), jobs=2)
    silent.set()
