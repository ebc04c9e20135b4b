"""Action results in a diskcache.

Nothing is evicted behind our back (`cache gc` decides); a full cache takes no more. diskcache
writes its settings whenever it opens a database, so a database that cannot be written is read
with SQLite itself: `mode=ro`, or `immutable=1` where no write-ahead log lies beside it, since
SQLite would want to make one (sqlite.org/wal.html, "Read-Only Databases").
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from envbuild.core.action import ActionResult
from envbuild.core.digest import Digest
from envbuild.core.errors import EnvbuildError, StoreError
from envbuild.importing import IMPORTING
from envbuild.store.faults import FULL, StoreReadOnly

if TYPE_CHECKING:
    from sqlite3 import Connection

    from diskcache import Cache

SIZE_LIMIT = 256 * 1024 * 1024  # bytes; a result is some 300, so there is room for several 100,000
_SELECT = "SELECT value FROM Cache WHERE key = ? AND raw = 1 AND mode = 1"
_SELECT_ALL = "SELECT key, CASE mode WHEN 1 THEN value END FROM Cache WHERE raw = 1 ORDER BY rowid"


class DiskActionCache:
    """An ActionCache in one folder; opened with its first use. For several threads and processes."""

    def __init__(self, folder: Path, size_limit: int = SIZE_LIMIT) -> None:
        self._folder = folder
        self._database = folder / "cache.db"
        self._size_limit = size_limit
        self._opening = threading.Lock()
        self._cache: Cache | None = None
        self._reader: Connection | None = None

    def get(self, key: Digest) -> ActionResult | None:
        """The result, or None; a broken entry is a miss. Raises StoreError if the database is broken."""
        if not self._database.exists():
            return None
        with self._faults():
            return _decode(self._read(_row(key)))

    def put(self, key: Digest, result: ActionResult) -> None:
        """Keep the result; raises StoreError where it cannot be kept."""
        with self._faults():
            cache = self._open()
            if cache.volume() >= self._size_limit:
                raise StoreError(f"the action cache `{self._folder}` is full", hint="run `envbuild cache gc`")
            cache.set(_row(key), result.encode(), retry=True)

    def entries(self) -> Iterator[tuple[bytes, ActionResult | None]]:
        """All rows, oldest first: a name for `drop`, and the result (None where it is broken)."""
        if not self._database.exists():
            return
        with self._faults():
            for row, value in self._read_all():
                yield row, _decode(value)

    def drop(self, row: bytes) -> None:
        """Forget a row."""
        with self._faults():
            self._open().delete(row, retry=True)

    def close(self) -> None:
        """Let go of the database in this thread."""
        with self._opening:
            # The last who lets go of the database, and may write, leaves one file of it.
            if self._reader is not None:
                self._reader.close()
                self._reader = None
            if self._cache is not None:
                self._cache.close()

    def _read(self, row: bytes) -> object:
        """A row's value, by SQLite itself: to load diskcache and to have it open takes 15 ms."""
        import sqlite3

        if not os.access(self._folder, os.W_OK):
            found = _read_only(self._database, _SELECT, row)
            return found[0][0] if found else None
        try:
            with self._opening:
                if self._reader is None:
                    self._reader = _connect(self._database, "mode=ro")
                found = self._reader.execute(_SELECT, (row,)).fetchall()
        except sqlite3.Error:  # it may have been begun on a full disk: this mends it, if anything can
            return self._open().get(row)
        return found[0][0] if found else None

    def _read_all(self) -> Iterable[tuple[bytes, object]]:
        if not os.access(self._folder, os.W_OK):
            return _read_only(self._database, _SELECT_ALL)
        cache = self._open()
        return ((row, cache.get(row)) for row in cache)

    def _open(self) -> Cache:
        with self._opening:
            if self._cache is None:
                with IMPORTING:
                    from envbuild.store.bytes_disk import open_cache

                self._cache = open_cache(self._folder, self._size_limit)
            return self._cache

    @contextmanager
    def _faults(self) -> Iterator[None]:
        with IMPORTING:
            import sqlite3

        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise self._fault(error) from error

    def _fault(self, error: Exception) -> StoreError:
        existing = next(path for path in (self._folder, *self._folder.parents) if path.exists())
        if not os.access(existing, os.W_OK):
            hint = "choose another store with `--cache-dir`"
            return StoreReadOnly(f"the action cache `{self._folder}` cannot be written", hint=hint)
        if _says_full(error):
            hint = "free some space, or run `envbuild cache gc`"
            return StoreError(f"the disk of the action cache `{self._folder}` is full", hint=hint)
        hint = f"remove it, it will be made anew: `rm -r {self._folder}`"
        return StoreError(f"the action cache `{self._folder}` cannot be used: {error}", hint=hint)


def _read_only(database: Path, question: str, *values: bytes) -> list[tuple[Any, ...]]:
    mode = "mode=ro" if database.with_name(database.name + "-wal").exists() else "immutable=1"
    with closing(_connect(database, mode)) as connection:
        return connection.execute(question, values).fetchall()


def _connect(database: Path, mode: str) -> Connection:
    """A connection that reads, in any thread."""
    import sqlite3

    return sqlite3.connect(f"{database.absolute().as_uri()}?{mode}", uri=True, check_same_thread=False)


def _says_full(error: Exception) -> bool:
    import sqlite3

    if isinstance(error, sqlite3.Error):
        return getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
    return isinstance(error, OSError) and error.errno in FULL


def _row(key: Digest) -> bytes:
    return bytes.fromhex(key.hash)


def _decode(value: object) -> ActionResult | None:
    if not isinstance(value, bytes) or not value:
        return None
    try:
        return ActionResult.decode(value)
    except EnvbuildError:
        return None
