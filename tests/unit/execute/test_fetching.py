from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from envbuild.core.digest import Digest
from envbuild.core.errors import BlobMissing, SourceError
from envbuild.execute.fetching import FetchingExecutor
from envbuild.lock.model import Locked
from envbuild.rule.declared import Fetched
from envbuild.store.disk import DiskStore
from tests.makers.actions import OUT, bind, declare, executor


def lock(data: bytes) -> Locked:
    digest = Digest.of(data)
    return Locked("wheel", "name", "1", "pypi", f"{data.decode()}.whl", digest.hash, digest.size)


ARTIFACTS = {name: lock(name.encode()) for name in ("one", "two")}
KNOWN = {artifact.sha256: artifact for artifact in ARTIFACTS.values()}


class Source:
    """A source of the artifacts above that counts what is taken from it."""

    def __init__(self, store: DiskStore, before: Callable[[], object] = lambda: None) -> None:
        self.fetched: list[str] = []
        self._store = store
        self._before = before

    def fetch(self, artifact: Locked) -> None:
        self._before()
        self.fetched.append(artifact.file)
        self._store.put(artifact.file.removesuffix(".whl").encode())


def fetching(root: Path, source: Source) -> FetchingExecutor:
    return FetchingExecutor(executor(root), DiskStore(root), KNOWN, source.fetch, parallel=2)


def test_what_is_not_there_is_fetched_before_the_run(tmp_path: Path) -> None:
    source = Source(DiskStore(tmp_path))
    run = fetching(tmp_path, source).run
    result, _ = run(bind(declare("", inputs={n: Fetched(a) for n, a in ARTIFACTS.items()})))
    assert DiskStore(tmp_path).read(result.outputs[OUT]) == b"onetwo"
    assert sorted(source.fetched) == ["one.whl", "two.whl"]


def test_what_is_there_is_not_fetched(tmp_path: Path) -> None:
    DiskStore(tmp_path).put(b"one")
    source = Source(DiskStore(tmp_path))
    fetching(tmp_path, source).run(bind(declare("", inputs={n: Fetched(a) for n, a in ARTIFACTS.items()})))
    assert source.fetched == ["two.whl"]


def test_what_somebody_else_brought_meanwhile_is_not_fetched(tmp_path: Path) -> None:
    # Another process may share the store.
    store = DiskStore(tmp_path)
    source = Source(store, before=lambda: [store.put(name.encode()) for name in ARTIFACTS])
    fetching(tmp_path, source).run(bind(declare("", inputs={n: Fetched(a) for n, a in ARTIFACTS.items()})))
    assert len(source.fetched) == 1


def test_actions_that_read_one_artifact_fetch_it_once(tmp_path: Path) -> None:
    everybody = threading.Barrier(3)
    source = Source(DiskStore(tmp_path))
    fetch = fetching(tmp_path, source)

    def run(n: int) -> None:
        everybody.wait()
        fetch.run(bind(declare(str(n), inputs={"one": Fetched(ARTIFACTS["one"])})))

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(run, range(3)))
    assert source.fetched == ["one.whl"]


def test_a_source_that_gives_other_bytes_is_an_error(tmp_path: Path) -> None:
    store = DiskStore(tmp_path)
    fetch = FetchingExecutor(executor(tmp_path), store, KNOWN, lambda artifact: None, parallel=1)
    with pytest.raises(SourceError, match=r"`one.whl` was fetched, but is not `sha256:"):
        fetch.run(bind(declare("", inputs={"one": Fetched(ARTIFACTS["one"])})))


def test_an_input_that_nobody_locked_is_missing(tmp_path: Path) -> None:
    store = DiskStore(tmp_path)
    fetch = FetchingExecutor(executor(tmp_path), store, {}, lambda artifact: None, parallel=1)
    with pytest.raises(BlobMissing):
        fetch.run(bind(declare("", inputs={"one": Fetched(ARTIFACTS["one"])})))
