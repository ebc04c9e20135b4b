"""What another process writes of a blob: the file is a writer's (disk.py), which commits or drops it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from envbuild.core.digest import Digest
from envbuild.store.faults import telling_faults


class Draft:
    """The file at `path` in a store's `tmp/`; `check` comes before each write, and may raise.

    Raises StoreError where the disk does not take it.
    """

    def __init__(self, path: Path, check: Callable[[], None]) -> None:
        self._store = path.parent.parent
        self._check = check
        self._hash = hashlib.sha256()
        self._size = 0
        with telling_faults(self._store):
            self._file = path.open("r+b")

    def write(self, data: bytes | memoryview) -> int:
        """Append bytes; returns how many."""
        self._check()
        with telling_faults(self._store):
            self._file.write(data)
        self._hash.update(data)
        size = memoryview(data).nbytes
        self._size += size
        return size

    def digest(self) -> Digest:
        """The digest of what was written so far."""
        return Digest(self._hash.hexdigest(), self._size)

    def finish(self) -> Digest:
        """Hand all bytes to the system; the digest of all of them."""
        with telling_faults(self._store):
            self._file.flush()
        return self.digest()

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file, which stays."""
        with telling_faults(self._store):
            self._file.close()
