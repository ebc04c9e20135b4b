"""Images in a registry: is it there, put it there, get it from there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from envbuild.core.dataclass import dataclass
from envbuild.core.digest import Digest
from envbuild.core.errors import RegistryError
from envbuild.core.events import EventSink, Phase, TransferProgress
from envbuild.core.protocols import BlobStore
from envbuild.core.text import excerpt
from envbuild.oci.annotations import DEFINITION
from envbuild.oci.descriptor import Descriptor
from envbuild.oci.document import BadImage, Document
from envbuild.oci.image import Image, read_image
from envbuild.oci.reference import Reference, RegistryName
from envbuild.publish.foreign import NO_FOREIGN, Foreign
from envbuild.publish.naming import USUAL, Naming
from envbuild.publish.parallel import Stop, run_parallel
from envbuild.publish.upload import Transfer, Uploader
from envbuild.sources.registry import RegistryClient


@dataclass(frozen=True, slots=True)
class Pushed:
    """What publishing did: the image's digest in the registry, blobs and bytes sent, blobs mounted."""

    digest: Digest
    blobs: int
    bytes: int
    mounted: int


class RegistryPublisher:
    """Publishes images to one registry; every method raises RegistryError where that fails.

    Images share layers through the pool repository, from which they are mounted: so a machine with
    an empty store sends only what no image has yet. The distribution spec has no conditional put,
    so two that publish one name in the same instant may both write it; each then reads again.
    """

    def __init__(
        self,
        client: RegistryClient,
        blobs: BlobStore,
        events: EventSink,
        *,
        below: RegistryName | None = None,
        naming: Naming = USUAL,
        jobs: int = 8,
    ) -> None:
        self._client = client
        self._blobs = blobs
        self._events = events
        self._below = below or RegistryName(client.host)
        self._naming = naming
        self._jobs = jobs

    def reference(self, name_hash: str) -> Reference:
        """Where the registry has, or will have, an image."""
        return self._below.place(*self._naming.place(name_hash))

    def exists(self, name_hash: str) -> Descriptor | None:
        """What the registry has under an image's name, or None; not to be able to ask is an error."""
        return self._find(name_hash)

    def publish(self, name_hash: str, image: Image, foreign: Foreign = NO_FOREIGN) -> Pushed:
        """Put an image there unless its name is taken; then that image is adopted, and nothing sent.

        Manifests must be in the store; layers only where the registry lacks them, and `foreign` ones
        only where it will not take them over from where they are.
        """
        there = self.exists(name_hash)
        if there:
            return Pushed(there.digest, 0, 0, 0)
        reference = self.reference(name_hash)
        self._events.emit(Phase("pushing", str(reference)))
        sent = self._bring_blobs(reference.repository, image, foreign)
        for document in image.documents[:-1]:
            self._put(reference.repository, str(document.digest), document)
        first = self._find(name_hash)
        if not first:
            self._put(reference.repository, reference.tag, image.root)
            first = self._find(name_hash)
        if not first:
            raise RegistryError(f"`{reference}` vanished after it was pushed", hint="push it again")
        return Pushed(first.digest, sent.blobs, sent.bytes, sent.mounted)

    def pull(self, name_hash: str) -> Descriptor:
        """Bring an image into the store, all platforms; returns what to publish there as a layout."""
        reference = self.reference(name_hash)
        repository = reference.repository
        self._events.emit(Phase("pulling", str(reference)))
        root, data = self._client.read_manifest(repository, reference.tag)
        _check_definition(reference, name_hash, data)
        self._blobs.put(data)
        image = self._read_image(reference, root)
        wanted = self._blobs.missing(part.digest for part in image.blobs)
        largest_first = sorted(wanted, key=lambda digest: (-digest.size, digest.hash))
        run_parallel(lambda digest, stop: self._download(repository, digest, stop), largest_first, self._jobs)
        return root

    def _find(self, name_hash: str) -> Descriptor | None:
        reference = self.reference(name_hash)
        found = self._client.find_manifest(reference.repository, reference.tag)
        if not found:
            return None
        root, data = found
        _check_definition(reference, name_hash, data)
        return root

    def _bring_blobs(self, repository: str, image: Image, foreign: Foreign) -> Pushed:
        pool = self._below.place(self._naming.pool).repository if self._naming.pooled else repository
        uploader = Uploader(self._client, self._blobs, self._events, repository, pool, foreign)
        layers = {layer.digest for layer in image.layers}

        def bring(digest: Digest, stop: Stop) -> Transfer:
            # A config belongs to one image only: no other would mount it.
            return uploader.bring(digest, stop) if digest in layers else uploader.send(digest, stop)

        digests = sorted((part.digest for part in image.blobs), key=lambda each: (-each.size, each.hash))
        transfers = run_parallel(bring, digests, self._jobs)
        return Pushed(
            image.digest,
            blobs=sum(transfer.bytes > 0 for transfer in transfers),
            bytes=sum(transfer.bytes for transfer in transfers),
            mounted=sum(transfer.mounted for transfer in transfers),
        )

    def _put(self, repository: str, reference: str, document: Descriptor) -> None:
        data = self._blobs.read(document.digest)
        self._client.write_manifest(repository, reference, data, document.media_type)

    def _read_image(self, reference: Reference, root: Descriptor) -> Image:
        with _images_of_ours(reference):
            return read_image(root, lambda document: self._document(reference.repository, document))

    def _document(self, repository: str, document: Descriptor) -> bytes:
        if self._blobs.has(document.digest):
            return self._blobs.read(document.digest)
        _, data = self._client.read_manifest(repository, str(document.digest))
        self._blobs.put(data)
        return data

    def _download(self, repository: str, digest: Digest, stop: Stop) -> None:
        def report(done: int) -> None:
            stop.check()
            self._events.emit(TransferProgress("download", str(digest)[:19], done, digest.size))

        stop.check()
        with self._blobs.writer() as writer:
            self._client.download_blob(repository, digest, writer, report)


def _check_definition(reference: Reference, name_hash: str, data: bytes) -> None:
    """Raise RegistryError for a manifest that says it is of another definition than its name."""
    with _images_of_ours(reference):
        stated = Document.parse(data, "what is there").table("annotations").get(DEFINITION, "")
    if stated and not stated.removeprefix("sha256:").startswith(name_hash):
        raise RegistryError(
            f"`{reference}` is another image: its definition is `{excerpt(stated)}`",
            hint="delete that tag in the registry, then push again",
        )


@contextmanager
def _images_of_ours(reference: Reference) -> Iterator[None]:
    try:
        yield
    except BadImage as error:
        hint = error.hint or "check the address: this may be no registry"
        raise RegistryError(f"`{reference}` is no image of ours: {error.message}", hint=hint) from error
