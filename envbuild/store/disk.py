"""Blobs on a disk, in the layout of an OCI image: `blobs/sha256/<hex>`.

What is there under its name is whole: a blob is written to `tmp/`, hashed on the way, flushed to
the disk and renamed. A lost name (the folder itself is not flushed) is only a miss. A process that
is killed leaves a file in `tmp/` whose lock the kernel drops; the next one that writes removes it.
"""

from __future__ import annotations

import hashlib
import os
import stat
import threading
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Self

from envbuild.core.digest import Digest
from envbuild.core.errors import BlobMissing, StoreError
from envbuild.store.faults import BlobMismatch, store_fault, telling_faults
from envbuild.store.temporary import create_file, sweep, temporary_folder


class DiskStore:
    """A BlobStore below one folder; its folders appear with the first blob.

    A store on a read-only disk, or of another user, can be read; writing raises StoreReadOnly.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._sweeping = threading.Lock()
        self._swept = False
        self._sound: set[str] = set()  # blobs whose bytes this process has made or hashed
        self.damaged = 0  # blobs that were found to be wrong, and set aside

    @cached_property
    def blobs(self) -> Path:
        """The folder that holds the blobs, each under its hex digits."""
        return self.root / "blobs" / "sha256"

    @property
    def temporary(self) -> Path:
        """The folder of blobs on their way in."""
        return self.root / "tmp"

    @property
    def quarantine(self) -> Path:
        """The folder of files that were not what their name said."""
        return self.root / "quarantine"

    def has(self, digest: Digest) -> bool:
        """Whether the blob is there with this size; its bytes are not read again."""
        return _is_whole(self.place(digest.hash), digest.size)

    def place(self, name: str) -> str:
        """Where the blob of these hex digits lies; as text, since a build asks some thousand times."""
        return f"{self._prefix}{name}"

    @cached_property
    def _prefix(self) -> str:
        return f"{self.blobs}/"

    def missing(self, digests: Iterable[Digest]) -> set[Digest]:
        """Those of `digests` that are not there."""
        return {digest for digest in digests if not self.has(digest)}

    def path(self, digest: Digest) -> Path:
        """A read-only local file with the blob's bytes; raises BlobMissing."""
        if not self.has(digest):
            raise _missing(digest)
        return self.blobs / digest.hash

    def knows(self, digest: Digest) -> bool:
        """Whether this process has made the blob, or hashed it."""
        return digest.hash in self._sound

    def sound_path(self, digest: Digest) -> Path:
        """As `path`, of a file that this process has made, or hashed now; raises also BlobMismatch.

        A wrong blob is set aside, so that it is missing from then on and gets made again.
        """
        path = self.path(digest)
        if not self.knows(digest):
            try:
                with path.open("rb") as file:
                    found = hashlib.file_digest(file, "sha256").hexdigest()
            except OSError as error:
                raise store_fault(error, self.root) from error
            if found != digest.hash:
                raise self._set_damaged_aside(digest)
            self.note_sound(digest)
        return path

    def is_sound(self, digest: Digest) -> bool:
        """Whether the blob is there with its very bytes; a wrong one is set aside."""
        try:
            self.sound_path(digest)
        except StoreError:
            return False
        return True

    def note_sound(self, digest: Digest) -> None:
        """Remember that this process knows the blob's bytes."""
        self._sound.add(digest.hash)

    def read(self, digest: Digest) -> bytes:
        """The blob's bytes, verified; raises BlobMissing, or BlobMismatch where they are others.

        A wrong blob is set aside, so that it is missing from then on and gets made again.
        """
        try:
            data = (self.blobs / digest.hash).read_bytes()
        except FileNotFoundError:
            raise _missing(digest) from None
        except OSError as error:
            raise store_fault(error, self.root) from error
        if Digest.of(data) != digest:
            raise self._set_damaged_aside(digest)
        return data

    def put(self, data: bytes) -> Digest:
        """Keep a small blob."""
        digest = Digest.of(data)
        if not self.has(digest):
            with self.writer() as writer:
                writer.write(data)
                writer.commit(digest)
        return digest

    def writer(self) -> DiskWriter:
        """Begin a blob whose digest is not known yet."""
        self._sweep_once()
        return DiskWriter(self)

    @contextmanager
    def temporary_folder(self) -> Iterator[Path]:
        """A folder on the store's disk, removed in the end; raises StoreError where it cannot be made."""
        with ExitStack() as stack:
            try:
                self.temporary.mkdir(parents=True, exist_ok=True)
                folder = stack.enter_context(temporary_folder(self.temporary))
            except OSError as error:
                raise store_fault(error, self.root) from error
            yield folder

    def _set_damaged_aside(self, digest: Digest) -> BlobMismatch:
        self.set_aside(digest.hash)
        self._sound.discard(digest.hash)
        self.damaged += 1
        hint = "run the command again to make it anew"
        return BlobMismatch(f"the blob `{digest}` is damaged", hint=hint)

    def set_aside(self, name: str) -> None:
        """Move the blob of these hex digits out of sight, if the disk lets us."""
        with suppress(OSError):
            self.quarantine.mkdir(exist_ok=True)
            (self.blobs / name).replace(self.quarantine / name)

    def sweep(self) -> int:
        """Remove what killed processes left in `tmp/`; returns the number of bytes."""
        return sweep(self.temporary)

    def _sweep_once(self) -> None:
        with self._sweeping:
            if not self._swept:
                self._swept = True
                self.sweep()


class DiskWriter:
    """A blob on its way into a DiskStore; used by one thread at a time."""

    def __init__(self, store: DiskStore) -> None:
        self._store = store
        self._hash = hashlib.sha256()
        self._size = 0
        self._adopted: Digest | None = None
        self._path: Path | None = None
        with telling_faults(self._store.root):
            descriptor, self._path = _create_file(store.temporary)
            self._file = os.fdopen(descriptor, "wb")

    def write(self, data: bytes | memoryview) -> int:
        """Append bytes; returns how many."""
        with telling_faults(self._store.root):
            self._file.write(data)
        self._hash.update(data)
        self._size += memoryview(data).nbytes
        return memoryview(data).nbytes

    def digest(self) -> Digest:
        """The digest of what was written so far: nobody else need hash it."""
        return self._adopted or Digest(self._hash.hexdigest(), self._size)

    @property
    def path(self) -> Path:
        """The file that the bytes go to, for another process to write all of them there (draft.py)."""
        assert self._path is not None, "a blob is committed once"
        return self._path

    def adopt(self, digest: Digest) -> None:
        """Take what another process wrote to `path`, whose digest it knows."""
        self._adopted = digest

    def commit(self, expected: Digest | None = None) -> Digest:
        """Make the blob readable at once and whole; raises BlobMismatch if it is not `expected`."""
        digest = self.digest()
        if expected is not None and digest != expected:
            asked, got = (f"`{each}` of {each.size} bytes" for each in (expected, digest))
            raise BlobMismatch(f"a blob should be {asked}, but is {got}")
        assert self._path is not None, "a blob is committed once"
        with telling_faults(self._store.root):
            self._file.flush()
            # Equal bytes are there already: leave the file that others may have mapped.
            if not self._store.is_sound(digest):
                self._publish(self._path, digest)
        return digest

    def _publish(self, path: Path, digest: Digest) -> None:
        os.fchmod(self._file.fileno(), 0o444)
        # Without this, a power cut after the rename could leave a name with other bytes.
        os.fdatasync(self._file.fileno())
        try:
            os.rename(path, self._store.place(digest.hash))  # noqa: PTH104
        except FileNotFoundError:  # the folder is not there yet
            self._store.blobs.mkdir(parents=True, exist_ok=True)
            path.rename(self._store.blobs / digest.hash)
        self._path = None
        self._store.note_sound(digest)

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Drop what was not committed."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)
            self._path = None
        with suppress(OSError):  # what was buffered has no place any more
            self._file.close()


def _create_file(folder: Path) -> tuple[int, Path]:
    """A new file in a folder, which is made with the first one."""
    try:
        return create_file(folder)
    except FileNotFoundError:
        folder.mkdir(parents=True, exist_ok=True)
        return create_file(folder)


def _is_whole(path: str, size: int) -> bool:
    try:
        found = os.stat(path)  # noqa: PTH116 (a path that is text)
    except OSError:
        return False
    return stat.S_ISREG(found.st_mode) and found.st_size == size


def _missing(digest: Digest) -> BlobMissing:
    return BlobMissing(
        f"the blob `{digest}` is not in the store", hint="run the command again to make it anew"
    )
