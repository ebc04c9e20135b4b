"""Results that are kept while the build goes on."""

from __future__ import annotations

import threading

from envbuild.core.action import ActionResult
from envbuild.core.digest import Digest
from envbuild.core.errors import EnvbuildError, StoreError
from envbuild.store.write_behind import WriteBehind

ONE, TWO = Digest.of(b"1"), Digest.of(b"2")
RESULT = ActionResult({"out": Digest.of(b"out")})


class Slow:
    """An action cache that takes a result when it is let to, and refuses that of `refused`."""

    def __init__(self) -> None:
        self.kept: dict[Digest, ActionResult] = {}
        self.open = threading.Event()
        self.refused: Digest | None = None

    def get(self, key: Digest) -> ActionResult | None:
        return self.kept.get(key)

    def put(self, key: Digest, result: ActionResult) -> None:
        self.open.wait()
        if key == self.refused:
            raise StoreError("full")
        self.kept[key] = result


def test_a_put_waits_for_nothing_and_is_seen_at_once() -> None:
    slow, told = Slow(), list[EnvbuildError]()
    cache = WriteBehind(slow, told.append)
    cache.put(ONE, RESULT)
    assert (cache.get(ONE), slow.kept) == (RESULT, {})
    slow.open.set()
    cache.flush()
    assert slow.kept == {ONE: RESULT}
    assert cache.get(ONE) == RESULT
    assert told == []


def test_what_cannot_be_kept_is_told_and_the_rest_is_kept() -> None:
    slow, told = Slow(), list[EnvbuildError]()
    slow.refused = ONE
    slow.open.set()
    cache = WriteBehind(slow, told.append)
    cache.put(ONE, RESULT)
    cache.put(TWO, RESULT)
    cache.flush()
    assert slow.kept == {TWO: RESULT}
    assert [error.message for error in told] == ["full"]
    assert cache.get(ONE) is None


def test_a_call_comes_after_what_was_put_before() -> None:
    slow = Slow()
    cache = WriteBehind(slow, lambda _: None)
    seen: list[set[Digest]] = []
    cache.then(lambda: seen.append(set(slow.kept)))
    assert seen == [set()]  # nothing waits: at once
    cache.put(ONE, RESULT)
    cache.then(lambda: seen.append(set(slow.kept)))
    cache.put(TWO, RESULT)
    assert len(seen) == 1
    slow.open.set()
    cache.flush()
    assert seen[1] in ({ONE}, {ONE, TWO})
    assert slow.kept.keys() == {ONE, TWO}


def test_more_can_be_put_after_a_flush() -> None:
    slow = Slow()
    slow.open.set()
    cache = WriteBehind(slow, lambda _: None)
    for key in (ONE, TWO):
        cache.put(key, RESULT)
        cache.flush()
    cache.flush()
    assert slow.kept.keys() == {ONE, TWO}
