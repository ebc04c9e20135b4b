"""Blobs on their way into a repository: mounted where the registry has them, else sent as they are."""

from __future__ import annotations

import io
from collections.abc import Callable
from threading import Event
from typing import BinaryIO, Final, cast

from envbuild.core.dataclass import dataclass, field
from envbuild.core.digest import Digest
from envbuild.core.errors import BlobMissing, RegistryError
from envbuild.core.events import EventSink, TransferProgress
from envbuild.core.protocols import BlobStore
from envbuild.publish.foreign import NO_FOREIGN, Foreign
from envbuild.publish.parallel import Stop
from envbuild.sources.registry import RegistryClient, UploadSession

_BOTH: Final = "pull,push"  # blobs go from the pool to the repository, and back


@dataclass(frozen=True, slots=True)
class Transfer:
    """What it took to have a blob in a repository: bytes sent, and whether it was mounted without any."""

    bytes: int = 0
    mounted: bool = False


@dataclass(frozen=True, slots=True)
class Uploader:
    """Brings blobs into `repository`, by way of the `pool` repository where the two differ.

    A registry that refuses one mount is not asked for another: it gets plain uploads.
    """

    client: RegistryClient
    blobs: BlobStore
    events: EventSink
    repository: str
    pool: str
    foreign: Foreign = NO_FOREIGN
    _refused: Event = field(default_factory=Event)

    def bring(self, digest: Digest, stop: Stop) -> Transfer:
        """Bring a blob that other images may share; raises RegistryError where only a rebuild can give it.

        A mount is tried at once: for what the pool has, that is the only request. Else the registry has
        begun an upload, which takes the blob, and the pool gets it from the repository.
        """
        stop.check()
        if self._is_mounted_from_origin(digest):
            return Transfer(mounted=True)
        if self.pool == self.repository or self._refused.is_set():
            return self.send(digest, stop)
        mount = self.client.mount_blob(self.repository, digest, self.pool, _BOTH)
        if mount.done:
            return Transfer(mounted=True)
        if mount.session is None:
            self._refused.set()
            return self.send(digest, stop)
        if self._fetch(digest):
            self._refused.set()  # the pool has it, and yet it was not mounted
        self._upload(self.repository, digest, mount.session, stop)
        if not self._refused.is_set():
            self._share(digest)
        return Transfer(digest.size)

    def _is_mounted_from_origin(self, digest: Digest) -> bool:
        """Take a base's blob over from the base's own repository, where that is of this registry."""
        origin = self.foreign.repository(digest, self.client.host)
        if not origin or self._refused.is_set():
            return False
        if origin == self.repository:
            return self.client.has_blob(origin, digest)
        mount = self.client.mount_blob(self.repository, digest, origin)
        if mount.session:
            self.client.cancel_upload(self.repository, mount.session)
        return mount.done

    def send(self, digest: Digest, stop: Stop) -> Transfer:
        """Send a blob straight into the repository, unless it is there."""
        stop.check()
        if self.client.has_blob(self.repository, digest):
            return Transfer()
        if self._refused.is_set():
            self._fetch(digest)
        self._upload(self.repository, digest, None, stop)
        return Transfer(digest.size)

    def _share(self, digest: Digest) -> None:
        """Have the pool take a blob over, for other images."""
        mount = self.client.mount_blob(self.pool, digest, self.repository, _BOTH)
        if mount.done:
            return
        self._refused.set()
        if mount.session:
            self.client.cancel_upload(self.pool, mount.session)

    def _fetch(self, digest: Digest) -> bool:
        """Get a blob that the store lacks from the pool; whether it came from there."""
        if self.blobs.has(digest) or not self.client.has_blob(self.pool, digest):
            return False
        with self.blobs.writer() as writer:
            self.client.download_blob(self.pool, digest, writer)
        return True

    def _upload(self, repository: str, digest: Digest, session: UploadSession | None, stop: Stop) -> None:
        if digest in self.foreign.origins and not self.blobs.has(digest):
            self.foreign.fetch(digest)
        try:
            path = self.blobs.path(digest)
        except BlobMissing:
            hint = "build it again with `envbuild build --push`"
            missing = f"neither the store nor `{self.client.host}` has the blob `{digest}`"
            raise RegistryError(missing, hint=hint) from None
        with path.open("rb") as file:
            watched = Watched(file, digest.size, self._report(digest, stop))
            self.client.upload_blob(repository, digest, cast(BinaryIO, watched), session)

    def _report(self, digest: Digest, stop: Stop) -> Callable[[int], None]:
        def report(done: int) -> None:
            stop.check()
            self.events.emit(TransferProgress("upload", str(digest)[:19], done, digest.size))

        return report


class Watched(io.RawIOBase):
    """A file being sent: `report` gets the bytes read so far and may raise to end it."""

    def __init__(self, file: BinaryIO, size: int, report: Callable[[int], None]) -> None:
        self._file = file
        self._size = size
        self._report = report

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Read and report."""
        data = self._file.read(size)
        self._report(self._file.tell())
        return data

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move, as for any file: a second try starts at 0."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """Where it stands."""
        return self._file.tell()
