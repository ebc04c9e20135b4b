from __future__ import annotations

from pathlib import Path

from envbuild.core.action import ActionResult
from envbuild.core.events import Note, ResultSource
from envbuild.execute.caching import CachingExecutor, FaultNotes
from envbuild.store.action_cache import DiskActionCache
from envbuild.store.disk import DiskStore
from tests.makers.actions import OUT, Counted, Recorder, bind, declare, executor

HELLO = bind(declare("hello"))


class Bench:
    """A cached executor over a real store, a real cache, and a builtin that counts."""

    def __init__(self, root: Path) -> None:
        self.store = DiskStore(root)
        self.cache = DiskActionCache(root / "actions")
        self.builtin = Counted()
        self.events = Recorder()
        inner = executor(root, self.builtin)
        self.executor = CachingExecutor(inner, self.cache, self.store, FaultNotes(self.events))

    def sources(self, times: int = 2) -> list[ResultSource]:
        return [self.executor.run(HELLO)[1] for _ in range(times)]


def test_the_second_run_is_a_hit(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    assert bench.sources() == [ResultSource.EXECUTED, ResultSource.LOCAL]
    assert bench.builtin.texts == ["hello"]


def test_a_result_whose_blobs_are_gone_is_a_miss(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    result, _ = bench.executor.run(HELLO)
    bench.store.path(result.outputs[OUT]).unlink()
    assert bench.sources() == [ResultSource.EXECUTED, ResultSource.LOCAL]
    assert bench.store.read(result.outputs[OUT]) == b"hello"


def test_a_result_with_other_outputs_is_a_miss(tmp_path: Path) -> None:
    # A cache that others write may say anything.
    bench = Bench(tmp_path)
    there = bench.store.put(b"there")
    for outputs in ({"other": there}, {OUT: there, "more": there}):
        bench.cache.put(HELLO.key, ActionResult(outputs))
        assert bench.sources() == [ResultSource.EXECUTED, ResultSource.LOCAL]


def test_a_broken_cache_is_told_once_and_fails_nothing(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    (tmp_path / "actions").mkdir()
    (tmp_path / "actions" / "cache.db").write_bytes(b"not a database" * 1000)
    assert bench.sources(3) == [ResultSource.EXECUTED] * 3
    (note,) = bench.events.events
    assert isinstance(note, Note)
    assert note.level == "warning"
    assert "the action cache" in note.message
