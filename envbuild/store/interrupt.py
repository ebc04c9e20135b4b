"""A store whose writers stop when the user does.

All long work writes: downloads and layers. Checking at each write ends them within a chunk, and
a writer that is left by an exception drops its file, so nothing stays behind.
"""

from __future__ import annotations

import mmap
import threading
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

from envbuild.core.digest import Digest
from envbuild.core.errors import EnvbuildError, ExitCode
from envbuild.core.protocols import BlobStore, BlobWriter


class Interrupted(EnvbuildError):
    """The user stopped the command."""

    exit_code = ExitCode.INTERRUPTED


class Interrupt:
    """Tells all threads of a command, and the processes that it forked, that the user wants it to end."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._shared = mmap.mmap(-1, 1)  # a page that forked processes see, too

    def set(self) -> None:
        """Ask everybody to end."""
        self._shared[0] = 1
        self._event.set()

    def check(self) -> None:
        """Raises Interrupted once it is set."""
        if self._shared[0]:
            raise Interrupted("interrupted")

    def pause(self, seconds: float) -> None:
        """Wait; raises Interrupted as soon as it is set."""
        self._event.wait(seconds)
        self.check()


class InterruptibleStore:
    """A BlobStore whose writers raise Interrupted once `interrupt` is set."""

    def __init__(self, inner: BlobStore, interrupt: Interrupt) -> None:
        self._inner = inner
        self._interrupt = interrupt

    def has(self, digest: Digest) -> bool:
        """As the inner store."""
        return self._inner.has(digest)

    def missing(self, digests: Iterable[Digest]) -> set[Digest]:
        """As the inner store."""
        return self._inner.missing(digests)

    def path(self, digest: Digest) -> Path:
        """As the inner store."""
        return self._inner.path(digest)

    def knows(self, digest: Digest) -> bool:
        """As the inner store."""
        return self._inner.knows(digest)

    def sound_path(self, digest: Digest) -> Path:
        """As the inner store."""
        return self._inner.sound_path(digest)

    def read(self, digest: Digest) -> bytes:
        """As the inner store."""
        return self._inner.read(digest)

    def put(self, data: bytes) -> Digest:
        """As the inner store; raises Interrupted."""
        self._interrupt.check()
        return self._inner.put(data)

    def writer(self) -> BlobWriter:
        """A writer that checks before each write; raises Interrupted."""
        self._interrupt.check()
        return _InterruptibleWriter(self._inner.writer(), self._interrupt)


class _InterruptibleWriter:
    def __init__(self, inner: BlobWriter, interrupt: Interrupt) -> None:
        self._inner = inner
        self._interrupt = interrupt

    def write(self, data: bytes | memoryview) -> int:
        self._interrupt.check()
        return self._inner.write(data)

    def digest(self) -> Digest:
        return self._inner.digest()

    @property
    def path(self) -> Path:
        return self._inner.path

    def adopt(self, digest: Digest) -> None:
        self._inner.adopt(digest)

    def commit(self, expected: Digest | None = None) -> Digest:
        self._interrupt.check()
        return self._inner.commit(expected)

    def __enter__(self) -> Self:
        self._inner.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._inner.__exit__(kind, error, trace)
