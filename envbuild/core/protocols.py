"""The seams: what a store, an action cache, an executor and a publisher promise."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from envbuild.core.action import Action, ActionResult
from envbuild.core.digest import Digest
from envbuild.core.events import ResultSource


class BlobSink(Protocol):
    """What takes a blob's bytes, and hashes them."""

    def write(self, data: bytes | memoryview) -> int:
        """Append bytes; returns how many."""

    def digest(self) -> Digest:
        """The digest of what was written so far: nobody else need hash it."""


class BlobWriter(BlobSink, Protocol):
    """A blob on its way into a store; readable by nobody before `commit`.

    Left without `commit` (an error, an interrupt), it leaves nothing behind.
    """

    @property
    def path(self) -> Path:
        """The file that the bytes go to, for another process to write all of them there."""

    def adopt(self, digest: Digest) -> None:
        """Take what another process wrote to `path`, whose digest it knows."""

    def commit(self, expected: Digest | None = None) -> Digest:
        """Make the blob readable at once and whole; raises StoreError if it is not `expected`."""

    def __enter__(self) -> Self:
        """Begin."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Drop what was not committed."""


class BlobStore(Protocol):
    """Content by digest. Safe for several threads and processes."""

    def has(self, digest: Digest) -> bool:
        """Whether the blob is there with this size; its bytes are not read again."""

    def missing(self, digests: Iterable[Digest]) -> set[Digest]:
        """Those of `digests` that are not there."""

    def path(self, digest: Digest) -> Path:
        """A read-only local file with the blob's bytes; raises BlobMissing."""

    def knows(self, digest: Digest) -> bool:
        """Whether `sound_path` need not read the blob, as its bytes are known to be right."""

    def sound_path(self, digest: Digest) -> Path:
        """As `path`, with bytes that are known to be right; raises StoreError where they are others."""

    def read(self, digest: Digest) -> bytes:
        """The blob's bytes, verified; raises BlobMissing, or StoreError where they are others."""

    def put(self, data: bytes) -> Digest:
        """Keep a small blob."""

    def writer(self) -> BlobWriter:
        """Begin a blob whose digest is not known yet."""


class ActionCache(Protocol):
    """Results by action key."""

    def get(self, key: Digest) -> ActionResult | None:
        """The result, or None; a broken entry is a miss."""

    def put(self, key: Digest, result: ActionResult) -> None:
        """Keep the result; its blobs are in the store already."""


class Executor(Protocol):
    """Runs actions. Wrappers of the same protocol cache, bound, retry and merge runs."""

    def run(self, action: Action) -> tuple[ActionResult, ResultSource]:
        """The action's result and where it came from; raises EnvbuildError when it fails."""
