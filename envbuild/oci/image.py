"""An image as a whole: its root descriptor and the documents that hang from it."""

from __future__ import annotations

from collections.abc import Callable

from envbuild.core.dataclass import dataclass
from envbuild.core.digest import Digest
from envbuild.core.platform import Platform
from envbuild.core.text import excerpt
from envbuild.oci.descriptor import INDEX, MANIFEST, Descriptor
from envbuild.oci.document import BadImage
from envbuild.oci.index import Index
from envbuild.oci.manifest import Manifest

_MAX_MANIFESTS = 1000

ReadDocument = Callable[[Descriptor], bytes]


@dataclass(frozen=True, slots=True)
class Image:
    """An image for one platform or several; `root` is the manifest's descriptor or the index's.

    `manifests` pairs each platform's descriptor with its contents, in the index's order.
    """

    root: Descriptor
    manifests: tuple[tuple[Descriptor, Manifest], ...]

    @property
    def digest(self) -> Digest:
        """What the image is known by."""
        return self.root.digest

    @property
    def blobs(self) -> tuple[Descriptor, ...]:
        """Configs and layers, each once, in the order in which the manifests name them."""
        parts = [part for _, manifest in self.manifests for part in (manifest.config, *manifest.layers)]
        return tuple({part.digest: part for part in parts}.values())

    @property
    def layers(self) -> tuple[Descriptor, ...]:
        """The layers, each once."""
        parts = [layer for _, manifest in self.manifests for layer in manifest.layers]
        return tuple({part.digest: part for part in parts}.values())

    @property
    def documents(self) -> tuple[Descriptor, ...]:
        """Manifests and index, in the order in which a registry takes them: the root last."""
        parts = (*(descriptor for descriptor, _ in self.manifests), self.root)
        return tuple({part.digest: part for part in parts}.values())

    def select(self, platform: Platform) -> tuple[Descriptor, Manifest]:
        """One platform's manifest; that of an image without an index fits whatever is asked for."""
        for descriptor, manifest in self.manifests:
            if descriptor.digest == self.root.digest or descriptor.platform == platform:
                return descriptor, manifest
        known = ", ".join(f"`{descriptor.platform}`" for descriptor, _ in self.manifests)
        raise BadImage(f"the image has no `{platform}`", hint=f"it has {known}")


def read_image(root: Descriptor, read: ReadDocument) -> Image:
    """The image below `root`; `read` gives documents' verified bytes; raises BadImage."""
    if root.media_type == MANIFEST:
        return Image(root, ((root, Manifest.parse(read(root))),))
    if root.media_type != INDEX:
        raise BadImage(f"`{excerpt(root.media_type)}` is no media type of an OCI image")
    entries = Index.parse(read(root)).manifests
    if len(entries) > _MAX_MANIFESTS:  # each is read, and the index is only some megabytes
        raise BadImage(f"an index lists {len(entries)} manifests, more than the {_MAX_MANIFESTS} allowed")
    for entry in entries:
        if entry.media_type != MANIFEST:
            raise BadImage(f"an index lists a `{excerpt(entry.media_type)}`, not an image manifest")
    return Image(root, tuple((entry, Manifest.parse(read(entry))) for entry in entries))
