from __future__ import annotations

import os
import pickle
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from envbuild.core.action import ActionResult
from envbuild.core.digest import Digest
from envbuild.core.errors import StoreError
from envbuild.store.action_cache import DiskActionCache
from envbuild.store.bytes_disk import open_cache
from tests.makers.processes import close_folders, run_python, start_python

KEY = Digest.of(b"key")
RESULT = ActionResult({"layer.tar.gz": Digest.of(b"layer"), "listing": Digest.of(b"")})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "actions"


def overwrite(folder: Path, **columns: object) -> None:
    """Change the columns of all rows behind the cache's back."""
    with closing(sqlite3.connect(folder / "cache.db")) as connection, connection:
        for column, value in columns.items():
            connection.execute(f"UPDATE Cache SET {column} = ?", (value,))


def test_a_result_is_found_again_by_another_cache(folder: Path) -> None:
    DiskActionCache(folder).put(KEY, RESULT)
    assert DiskActionCache(folder).get(KEY) == RESULT


def test_a_look_makes_no_database(folder: Path) -> None:
    assert DiskActionCache(folder).get(KEY) is None
    assert not folder.exists()


def test_a_later_result_replaces_an_earlier_one(folder: Path) -> None:
    cache = DiskActionCache(folder)
    cache.put(KEY, ActionResult({}))
    cache.put(KEY, RESULT)
    assert cache.get(KEY) == RESULT
    assert len(list(cache.entries())) == 1


@pytest.mark.parametrize("value", [b"\xff\xff", b"", "text", 7, RESULT.encode()[:-3]])
def test_a_broken_entry_is_a_miss(folder: Path, value: object) -> None:
    DiskActionCache(folder).put(KEY, RESULT)
    overwrite(folder, value=value)
    assert DiskActionCache(folder).get(KEY) is None


class Bomb:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, ("exploded",)


def test_a_pickle_in_the_database_is_not_opened(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    DiskActionCache(folder).put(KEY, RESULT)
    overwrite(folder, value=pickle.dumps(Bomb()), mode=4)
    assert DiskActionCache(folder).get(KEY) is None
    overwrite(folder, key=pickle.dumps(Bomb()), raw=0)
    assert [result for _, result in DiskActionCache(folder).entries()] == [None]
    assert not Path("exploded").exists()


def test_a_file_named_in_the_database_is_not_read(folder: Path) -> None:
    # diskcache keeps big values in files; a row may name any path.
    DiskActionCache(folder).put(KEY, RESULT)
    overwrite(folder, mode=2, filename="/etc/hostname", value=None)
    assert DiskActionCache(folder).get(KEY) is None


@pytest.mark.parametrize("thing", [{"a": 1}, "text", 1, None])
def test_only_bytes_go_in(folder: Path, thing: object) -> None:
    cache = open_cache(folder, 10**6)
    with pytest.raises(TypeError, match="holds bytes"):
        cache.set(b"key", thing)
    with pytest.raises(TypeError, match="holds bytes"):
        cache.set(thing, b"value")


def test_nothing_is_evicted_and_a_full_cache_takes_no_more(folder: Path) -> None:
    DiskActionCache(folder).put(KEY, RESULT)
    full = DiskActionCache(folder, size_limit=1)
    with pytest.raises(StoreError, match="full") as caught:
        full.put(Digest.of(b"other"), RESULT)
    assert caught.value.hint == "run `envbuild cache gc`"
    assert full.get(KEY) == RESULT


def test_a_file_that_is_no_database_is_an_error_with_a_way_out(folder: Path) -> None:
    folder.mkdir()
    (folder / "cache.db").write_bytes(b"not a database" * 1000)
    with pytest.raises(StoreError, match="cannot be used") as caught:
        DiskActionCache(folder).get(KEY)
    assert f"rm -r {folder}" in caught.value.hint


def test_a_dropped_entry_is_a_miss(folder: Path) -> None:
    cache = DiskActionCache(folder)
    cache.put(KEY, RESULT)
    for row, _ in list(cache.entries()):
        cache.drop(row)
    assert cache.get(KEY) is None


READ_ONLY = """
import sqlite3, sys
from pathlib import Path
from envbuild.core.digest import Digest
from envbuild.store import bytes_disk
from envbuild.store.action_cache import DiskActionCache
from envbuild.store.faults import StoreReadOnly
from tests.makers.processes import become_nobody
become_nobody()
cache = DiskActionCache(Path(sys.argv[1]))
result = cache.get(Digest.of(b"key"))
print(sorted(result.outputs))
print(cache.get(Digest.of(b"other")))
print([found == result for _, found in cache.entries()])
try:
    cache.put(Digest.of(b"other"), result)
except StoreReadOnly as error:
    print(error.hint)
"""


@pytest.mark.parametrize("open_elsewhere", [True, False], ids=["with a log beside it", "closed"])
def test_a_cache_that_cannot_be_written_can_be_read(public_folder: Path, open_elsewhere: bool) -> None:
    cache = DiskActionCache(public_folder / "actions")
    cache.put(KEY, RESULT)
    if not open_elsewhere:
        cache.close()
    log = public_folder / "actions" / "cache.db-wal"
    assert log.exists() == open_elsewhere
    close_folders(public_folder / "actions")
    done = run_python(READ_ONLY, public_folder / "actions")
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        "['layer.tar.gz', 'listing']",
        "None",
        "[True]",
        "choose another store with `--cache-dir`",
    ]


PUT_MANY = """
import sys
from pathlib import Path
from envbuild.core.action import ActionResult
from envbuild.core.digest import Digest
from envbuild.store.action_cache import DiskActionCache
cache = DiskActionCache(Path(sys.argv[1]))
for n in range(50):
    digest = Digest.of(bytes([n]))
    cache.put(digest, ActionResult({"out": digest}))
"""


def test_several_processes_put_the_same_results(folder: Path) -> None:
    processes = [start_python(PUT_MANY, folder) for _ in range(3)]
    for process in processes:
        process.communicate()
    assert [process.returncode for process in processes] == [0, 0, 0]
    cache = DiskActionCache(folder)
    for n in range(50):
        digest = Digest.of(bytes([n]))
        assert cache.get(digest) == ActionResult({"out": digest})
    assert len(list(cache.entries())) == 50
