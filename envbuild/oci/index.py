"""Image indexes: one image for several platforms, or a layout's entry (OCI image spec, image-index.md)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from envbuild.core.dataclass import dataclass, field
from envbuild.core.digest import Digest
from envbuild.core.wire import canonical_json
from envbuild.oci.descriptor import INDEX, INDEXES, Descriptor
from envbuild.oci.document import BadImage, Document


@dataclass(frozen=True, slots=True)
class Index:
    """Descriptors of manifests or of further indexes, in the order in which readers try them."""

    manifests: tuple[Descriptor, ...]
    annotations: Mapping[str, str] = field(default_factory=dict)

    def to_bytes(self) -> bytes:
        """The canonical JSON text, whose digest is the image's where it has several platforms."""
        values: dict[str, Any] = {
            "schemaVersion": 2,
            "mediaType": INDEX,
            "manifests": [manifest.to_json() for manifest in self.manifests],
        }
        if self.annotations:
            values["annotations"] = dict(self.annotations)
        return canonical_json(values)

    def describe(self) -> Descriptor:
        """The descriptor under which a layout lists it."""
        return Descriptor(INDEX, Digest.of(self.to_bytes()))

    @classmethod
    def parse(cls, data: bytes) -> Index:
        """Read an index of whatever writer; raises BadImage."""
        document = Document.parse(data, "an index")
        if document.number("schemaVersion") != 2 or document.text("mediaType", INDEX) not in INDEXES:
            raise BadImage(
                "an index is of another kind than OCI's", hint="convert it with `skopeo copy --format oci`"
            )
        manifests = tuple(Descriptor.read(entry) for entry in document.parts("manifests"))
        return cls(manifests, document.table("annotations"))
