"""Image layouts: where files lie in a folder or archive of images (OCI image spec, image-layout.md)."""

from __future__ import annotations

from typing import Final

from envbuild.core.digest import Digest
from envbuild.oci.descriptor import Descriptor
from envbuild.oci.document import BadImage
from envbuild.oci.index import Index

MARKER: Final = "oci-layout"
MARKER_CONTENT: Final = b'{"imageLayoutVersion":"1.0.0"}'
INDEX_FILE: Final = "index.json"
BLOBS: Final = "blobs"
REF_NAME: Final = "org.opencontainers.image.ref.name"


def blob_path(digest: Digest) -> str:
    """A blob's path in a layout."""
    return f"{BLOBS}/sha256/{digest.hash}"


def list_image(root: Descriptor, tag: str) -> bytes:
    """The `index.json` of a layout that holds one image, found by its tag."""
    entry = Descriptor(root.media_type, root.digest, root.platform, {REF_NAME: tag})
    return Index((entry,)).to_bytes()


def find_image(index: bytes) -> Descriptor:
    """The only image that an `index.json` lists; raises BadImage."""
    entries = Index.parse(index).manifests
    if len(entries) != 1:
        raise BadImage(f"a layout holds {len(entries)} images instead of one")
    return Descriptor(entries[0].media_type, entries[0].digest, entries[0].platform)
