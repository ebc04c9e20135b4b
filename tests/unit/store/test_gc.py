from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from envbuild.core.action import ActionResult
from envbuild.core.digest import Digest
from envbuild.core.errors import StoreError
from envbuild.store.action_cache import DiskActionCache
from envbuild.store.disk import DiskStore
from envbuild.store.gc import Limits, Usage, gc, info, verify
from envbuild.store.lease import exclusive_lease, shared_lease
from tests.makers.processes import start_python

NOW = 1_000_000_000.0
NOTHING = Limits(age=0, size=0)
EVERYTHING = Limits(age=10**9, size=10**9)


@pytest.fixture
def store(tmp_path: Path) -> DiskStore:
    return DiskStore(tmp_path)


@pytest.fixture
def cache(tmp_path: Path) -> DiskActionCache:
    return DiskActionCache(tmp_path / "actions")


def put(store: DiskStore, data: bytes, age: float = 0) -> Digest:
    digest = store.put(data)
    os.utime(store.path(digest), (NOW - age, NOW - age))
    return digest


def put_json(store: DiskStore, document: object, age: float = 0) -> dict[str, object]:
    digest = put(store, json.dumps(document).encode(), age)
    return {"digest": str(digest), "size": digest.size}


def put_image(store: DiskStore, name: str) -> list[Digest]:
    """An image of two platforms, all of it old; returns its layers."""
    layers = [put(store, f"{name} layer {n}".encode(), age=10**6) for n in range(2)]
    manifests = []
    for layer in layers:
        config = put_json(store, {"layer": str(layer)}, age=10**6)
        descriptor = {"digest": str(layer), "size": layer.size}
        manifests.append(put_json(store, {"config": config, "layers": [descriptor]}, age=10**6))
    index = put_json(store, {"manifests": manifests}, age=10**6)
    folder = store.root / "images" / name
    folder.mkdir(parents=True)
    (folder / "index.json").write_text(json.dumps({"manifests": [index]}))
    return layers


def test_an_empty_store_has_nothing(store: DiskStore, cache: DiskActionCache) -> None:
    assert info(store, cache) == Usage(images=0, blobs=0, size=0, actions=0)


def test_info_counts(store: DiskStore, cache: DiskActionCache) -> None:
    digest = put(store, b"12345")
    cache.put(digest, ActionResult({"out": digest}))
    assert info(store, cache) == Usage(images=0, blobs=1, size=5, actions=1)


def test_what_an_image_needs_is_kept_through_indexes_and_manifests(
    store: DiskStore, cache: DiskActionCache
) -> None:
    layers = put_image(store, "env_a")
    spare = put(store, b"spare", age=1)
    freed = gc(store, cache, NOTHING, NOW)
    assert (freed.blobs, freed.size) == (1, 5)
    assert not store.missing(layers)
    assert not store.has(spare)
    assert len(list(store.blobs.iterdir())) == 2 + 2 + 2 + 1  # layers, configs, manifests, index


def test_young_blobs_are_kept(store: DiskStore, cache: DiskActionCache) -> None:
    young, old = put(store, b"young", age=10), put(store, b"old", age=100)
    gc(store, cache, Limits(age=50, size=10**9), NOW)
    assert store.missing([young, old]) == {old}


def test_the_last_used_blobs_are_kept_within_the_size(store: DiskStore, cache: DiskActionCache) -> None:
    newest, middle, oldest = (put(store, bytes([n]) * 10, age=n) for n in (1, 2, 3))
    gc(store, cache, Limits(age=10**9, size=20), NOW)
    assert store.missing([newest, middle, oldest]) == {oldest}


def test_results_without_their_blobs_are_forgotten(store: DiskStore, cache: DiskActionCache) -> None:
    young, old = put(store, b"young"), put(store, b"old", age=100)
    cache.put(young, ActionResult({"out": young}))
    cache.put(old, ActionResult({"out": old}))
    freed = gc(store, cache, Limits(age=50, size=10**9), NOW)
    assert freed.actions == 1
    assert cache.get(young) is not None
    assert cache.get(old) is None


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"manifests": [{}]}', '{"manifests": [{"digest": "../../etc"}]}', "[" * 100_000]
)
def test_nothing_is_removed_where_an_image_cannot_be_read(
    store: DiskStore, cache: DiskActionCache, text: str
) -> None:
    layers = put_image(store, "env_a")
    (store.root / "images" / "env_a" / "index.json").write_text(text)
    with pytest.raises(StoreError):
        gc(store, cache, NOTHING, NOW)
    assert not store.missing(layers)


def test_an_index_that_names_itself_ends(store: DiskStore, cache: DiskActionCache) -> None:
    # Impossible with honest digests, not with a damaged blob.
    layers = put_image(store, "env_a")
    name = json.loads((store.root / "images/env_a/index.json").read_text())["manifests"][0]["digest"]
    path = store.blobs / name.removeprefix("sha256:")
    path.chmod(0o644)
    path.write_text(json.dumps({"manifests": [{"digest": name}]}))
    gc(store, cache, EVERYTHING, NOW)
    assert not store.missing(layers)


def test_no_clean_up_while_a_build_runs(store: DiskStore, cache: DiskActionCache) -> None:
    digest = put(store, b"in use")
    with shared_lease(store.root), shared_lease(store.root):
        with pytest.raises(StoreError, match="in use"):
            gc(store, cache, NOTHING, NOW)
        assert store.has(digest)
    gc(store, cache, NOTHING, NOW)
    assert not store.has(digest)


HOLD = """
import sys
from pathlib import Path
from envbuild.store.lease import shared_lease
with shared_lease(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_killed_build_holds_nothing(store: DiskStore, cache: DiskActionCache) -> None:
    build = start_python(HOLD, store.root)
    assert build.stdout is not None
    assert build.stdout.readline() == "held\n"
    with pytest.raises(StoreError):
        gc(store, cache, NOTHING, NOW)
    build.kill()
    build.communicate()
    assert gc(store, cache, NOTHING, NOW).blobs == 0


def test_a_build_waits_for_a_clean_up(store: DiskStore) -> None:
    with exclusive_lease(store.root):
        build = start_python(HOLD, store.root)
        assert build.poll() is None
    assert build.stdout is not None
    assert build.stdout.readline() == "held\n"
    build.communicate("")
    assert build.returncode == 0


def test_verify_sets_wrong_blobs_aside(store: DiskStore, cache: DiskActionCache) -> None:
    good, bad = put(store, b"good"), put(store, b"bad")
    path = store.path(bad)
    path.chmod(0o644)
    path.write_bytes(b"dab")
    done = verify(store)
    assert (done.blobs, done.size, done.wrong) == (2, 7, (bad.hash,))
    assert store.missing([good, bad]) == {bad}
    assert (store.quarantine / bad.hash).read_bytes() == b"dab"
    assert verify(store).wrong == ()
    gc(store, cache, EVERYTHING, NOW)
    assert list(store.quarantine.iterdir()) == []


def test_what_killed_processes_left_goes(store: DiskStore, cache: DiskActionCache) -> None:
    left = [
        store.temporary / "left",
        store.root / "metadata" / "ab" / ".left",
        store.root / "debian" / ".left",
        store.root / "channels" / "shards" / ".left",
    ]
    whole = store.root / "metadata" / "ab" / "whole"
    for path in (*left, whole):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"left")
    assert gc(store, cache, EVERYTHING, NOW).size == 16
    assert not any(path.exists() for path in left)
    assert whole.exists()
