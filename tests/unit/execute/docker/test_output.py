"""Output of containers: all of it in order, never much of it in memory, and never in the way of the user."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from envbuild.execute.docker.output import Output
from envbuild.store.interrupt import Interrupted


class Stream:
    """Many pieces; knows how far ahead of its reader it was ever asked for more."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.taken = 0
        self.furthest = 0
        self.much = threading.Event()

    def pieces(self) -> Iterator[bytes]:
        for number in range(self.count):
            self.furthest = max(self.furthest, number - self.taken)
            if number > 60:
                self.much.set()
            yield b"%d" % number

    def take(self, piece: bytes) -> None:
        assert piece == b"%d" % self.taken
        self.much.wait()  # a reader that is slower than the writer
        self.taken += 1


def test_pieces_come_in_order_and_few_wait() -> None:
    stream = Stream(20_000)
    assert Output(stream.pieces(), lambda: 3).follow(lambda: None, stream.take) == 3
    assert stream.taken == 20_000
    assert stream.furthest < 100


def test_who_waits_can_be_interrupted() -> None:
    ended = threading.Event()

    def check() -> None:
        raise Interrupted("by a test")

    def wait() -> int:
        ended.wait()
        return 0

    with pytest.raises(Interrupted):
        Output(Stream(0).pieces(), wait).follow(check, lambda _: None)
    ended.set()


def test_what_nobody_wants_any_more_is_read_all_the_same() -> None:
    stream, others = Stream(20_000), set(threading.enumerate())

    def refuse(_: bytes) -> None:
        raise Interrupted("by a test")

    with pytest.raises(Interrupted):
        Output(stream.pieces(), lambda: 0).follow(lambda: None, refuse)
    for reader in set(threading.enumerate()) - others:
        reader.join()
    assert stream.furthest == 19_999


def test_what_an_engine_raises_is_raised() -> None:
    def wait() -> int:
        raise ConnectionResetError("gone")

    with pytest.raises(ConnectionResetError, match="gone"):
        Output(Stream(1).pieces(), wait).follow(lambda: None, lambda _: None)
