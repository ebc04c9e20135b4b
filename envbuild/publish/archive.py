"""Images as one tar that serves both as `oci-archive` and as `docker-archive`.

An OCI layout (image-layout.md) with one file more, Docker's `manifest.json`, which points at the
layout's blobs. The same image gives the same bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Final

from envbuild.archive.layer import EPOCH
from envbuild.archive.tar_header import BLOCK, DIRECTORY, FILE, encode_header, padding
from envbuild.core.digest import Digest
from envbuild.core.errors import StoreError
from envbuild.core.platform import Platform
from envbuild.core.protocols import BlobStore
from envbuild.core.wire import canonical_json
from envbuild.oci.descriptor import Descriptor
from envbuild.oci.image import Image
from envbuild.oci.layout import BLOBS, INDEX_FILE, MARKER, MARKER_CONTENT, blob_path, list_image
from envbuild.oci.manifest import Manifest
from envbuild.oci.reference import LATEST

_CHUNK: Final = 1 << 20
_MODE: Final = 0o644
_FOLDERS: Final = (BLOBS, f"{BLOBS}/sha256")


def archive_image(image: Image, blobs: BlobStore, name: str) -> Iterator[bytes]:
    """All of an image, every platform, as an `oci-archive`, in pieces; raises BlobMissing, StoreError.

    With one platform it is a `docker-archive`, too, which loads as `name` ("envs/env_<hash>:latest").
    """
    manifests = [manifest for _, manifest in image.manifests]
    docker = manifests[0] if len(manifests) == 1 else None
    parts = (*image.documents, *image.blobs)
    return _write_archive(image.root, docker, parts, blobs, name)


def archive_platform(image: Image, platform: Platform, blobs: BlobStore, name: str) -> Iterator[bytes]:
    """One platform of an image, as `oci-archive` and `docker-archive`; raises BadImage, BlobMissing."""
    root, manifest = image.select(platform)
    return _write_archive(root, manifest, (root, manifest.config, *manifest.layers), blobs, name)


def _write_archive(
    root: Descriptor, docker: Manifest | None, parts: Sequence[Descriptor], blobs: BlobStore, name: str
) -> Iterator[bytes]:
    yield _file(MARKER, MARKER_CONTENT)
    yield _file(INDEX_FILE, list_image(root, LATEST))
    if docker:
        yield _file("manifest.json", _docker_manifest(docker, name))
    for path in _FOLDERS:
        # Named, as skopeo makes unnamed ones as root's, which other users may not.
        yield encode_header(f"{path}/", DIRECTORY, 0o755, EPOCH)
    for digest in sorted({part.digest for part in parts}):
        yield from _blob(digest, blobs)
    yield bytes(2 * BLOCK)


def _docker_manifest(manifest: Manifest, name: str) -> bytes:
    """The list of images that `docker load` looks for."""
    entry = {
        "Config": blob_path(manifest.config.digest),
        "RepoTags": [name],
        "Layers": [blob_path(layer.digest) for layer in manifest.layers],
    }
    return canonical_json([entry])


def _file(path: str, data: bytes) -> bytes:
    return encode_header(path, FILE, _MODE, EPOCH, size=len(data)) + data + padding(len(data))


def _blob(digest: Digest, blobs: BlobStore) -> Iterator[bytes]:
    yield encode_header(blob_path(digest), FILE, _MODE, EPOCH, size=digest.size)
    received = hashlib.sha256()
    with blobs.path(digest).open("rb") as file:
        while chunk := file.read(_CHUNK):
            received.update(chunk)
            yield chunk
    if received.hexdigest() != digest.hash:
        hint = "run `envbuild cache verify`, and build again"
        raise StoreError(f"the blob `{digest}` is damaged", hint=hint)
    yield padding(digest.size)
