"""Takes the workspace's own files into the store, as they were when they were hashed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from envbuild.core.action import Action, ActionResult
from envbuild.core.digest import Digest
from envbuild.core.errors import BuildError
from envbuild.core.events import ResultSource
from envbuild.core.protocols import BlobStore, BlobWriter, Executor
from envbuild.store.faults import BlobMismatch

_CHUNK = 1 << 20


class ImportingExecutor:
    """An Executor that copies files of the workspace into the store before the inner one runs.

    `files` are their places, by sha256. Actions read the copy: a file edited meanwhile cannot get
    into a result under the digest it had before.
    """

    def __init__(self, inner: Executor, store: BlobStore, files: Mapping[str, Path]) -> None:
        self._inner = inner
        self._store = store
        self._files = files

    def run(self, action: Action) -> tuple[ActionResult, ResultSource]:
        """As the inner executor; raises BuildError where a file is not what it was."""
        for digest in sorted(self._store.missing(action.inputs.values())):
            if digest.hash in self._files:
                self._import(self._files[digest.hash], digest)
        return self._inner.run(action)

    def _import(self, path: Path, digest: Digest) -> None:
        with self._store.writer() as writer:
            _copy(path, writer)
            try:
                writer.commit(digest)
            except BlobMismatch as error:
                raise BuildError(
                    f"`{path}` changed during the build", hint="run the command again"
                ) from error


def _copy(path: Path, writer: BlobWriter) -> None:
    try:
        file = path.open("rb")
    except OSError as error:
        raise BuildError(f"`{path}` cannot be read any more: {error.strerror}") from error
    with file:
        while chunk := file.read(_CHUNK):
            writer.write(chunk)
