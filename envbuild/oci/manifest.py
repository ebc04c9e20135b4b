"""Image manifests (OCI image spec, manifest.md)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from envbuild.core.dataclass import dataclass, field
from envbuild.core.digest import Digest
from envbuild.core.platform import Platform
from envbuild.core.wire import canonical_json
from envbuild.oci.descriptor import MANIFEST, MANIFESTS, Descriptor
from envbuild.oci.document import BadImage, Document


@dataclass(frozen=True, slots=True)
class Manifest:
    """One platform's image: its config, and its layers from the bottom up."""

    config: Descriptor
    layers: tuple[Descriptor, ...]
    annotations: Mapping[str, str] = field(default_factory=dict)

    def to_bytes(self) -> bytes:
        """The canonical JSON text, whose digest is the image's."""
        values: dict[str, Any] = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": self.config.to_json(),
            "layers": [layer.to_json() for layer in self.layers],
        }
        if self.annotations:
            values["annotations"] = dict(self.annotations)
        return canonical_json(values)

    def describe(self, platform: Platform | None = None) -> Descriptor:
        """The descriptor under which an index lists it."""
        return Descriptor(MANIFEST, Digest.of(self.to_bytes()), platform)

    @classmethod
    def parse(cls, data: bytes) -> Manifest:
        """Read a manifest of whatever writer; raises BadImage."""
        document = Document.parse(data, "a manifest")
        if document.number("schemaVersion") != 2 or document.text("mediaType", MANIFEST) not in MANIFESTS:
            raise BadImage(
                "a manifest is of another kind than OCI's", hint="convert it with `skopeo copy --format oci`"
            )
        return cls(
            Descriptor.read(document.part("config")),
            tuple(Descriptor.read(layer) for layer in document.parts("layers")),
            document.table("annotations"),
        )
