from __future__ import annotations

import fcntl
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from envbuild.store.file_lock import passing_lock, try_lock


def never() -> None:
    raise AssertionError("nobody else holds the lock")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "locks" / "key"


def test_the_file_is_there_while_the_lock_is_held(path: Path) -> None:
    with passing_lock(path, never):
        assert path.exists()
    assert not path.exists()


def test_who_waited_holds_the_lock_of_the_file_that_later_ones_find(path: Path) -> None:
    waiting = threading.Event()

    def hold_and_look() -> bool:
        with passing_lock(path, waiting.set):
            descriptor = os.open(path, os.O_RDWR)
            free = try_lock(descriptor, fcntl.LOCK_EX)
            os.close(descriptor)
            return free

    with ThreadPoolExecutor(1) as pool:
        with passing_lock(path, never):
            second = pool.submit(hold_and_look)
            waiting.wait()
        assert second.result() is False


def test_an_error_while_waiting_leaves_the_lock_with_its_holder(path: Path) -> None:
    class StopWaiting(Exception):
        pass

    def stop() -> None:
        raise StopWaiting

    with passing_lock(path, never):
        with pytest.raises(StopWaiting), passing_lock(path, stop):
            pass
        assert path.exists()


def test_an_error_inside_gives_the_lock_back(path: Path) -> None:
    def fail() -> None:
        with passing_lock(path, never):
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    with passing_lock(path, never):
        assert path.exists()
