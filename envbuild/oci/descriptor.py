"""Descriptors: references to content by media type, digest and size (OCI image spec, descriptor.md)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from envbuild.core.dataclass import dataclass, field
from envbuild.core.digest import Digest
from envbuild.core.errors import EnvbuildError
from envbuild.core.platform import Platform
from envbuild.oci.document import BadImage, Document

MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
INDEX: Final = "application/vnd.oci.image.index.v1+json"
CONFIG: Final = "application/vnd.oci.image.config.v1+json"
LAYER: Final = "application/vnd.oci.image.layer.v1.tar+gzip"

# Docker's image manifest version 2, schema 2: other names for documents of the same form.
DOCKER_MANIFEST: Final = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_INDEX: Final = "application/vnd.docker.distribution.manifest.list.v2+json"
MANIFESTS: Final = (MANIFEST, DOCKER_MANIFEST)
INDEXES: Final = (INDEX, DOCKER_INDEX)


@dataclass(frozen=True, slots=True)
class Descriptor:
    """What some content is; `digest` is of the bytes as stored: of a layer, the compressed ones."""

    media_type: str
    digest: Digest
    platform: Platform | None = None
    annotations: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The JSON object; what is empty is left out."""
        values: dict[str, Any] = {
            "mediaType": self.media_type,
            "digest": str(self.digest),
            "size": self.digest.size,
        }
        if self.platform:
            values["platform"] = {"os": self.platform.os, "architecture": self.platform.architecture}
        if self.annotations:
            values["annotations"] = dict(self.annotations)
        return values

    @classmethod
    def read(cls, document: Document) -> Descriptor:
        """Read what `to_json` gives, or another writer; raises BadImage."""
        platform = document.part("platform") if document.has("platform") else None
        try:
            return cls(
                document.text("mediaType"),
                Digest.parse(document.text("digest"), document.number("size")),
                read_platform(platform) if platform else None,
                document.table("annotations"),
            )
        except BadImage:
            raise
        except EnvbuildError as error:
            raise BadImage(f"a descriptor is wrong: {error.message}", hint=error.hint) from None


def read_platform(document: Document) -> Platform:
    """The platform that a config or a descriptor states; raises BadImage, or SpecError if unknown to us."""
    names = (document.text("os"), document.text("architecture"), document.text("variant", ""))
    return Platform.parse("/".join(name for name in names if name))
