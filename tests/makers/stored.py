"""Images as they lie in a store, read as plain JSON and tar: what our own readers think is no evidence."""

from __future__ import annotations

import json
import subprocess
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from envbuild.core.digest import Digest
from envbuild.oci.descriptor import Descriptor
from envbuild.oci.validate import check_image

Json = dict[str, Any]


@dataclass(frozen=True)
class StoredImage:
    """The image in an OCI layout: a folder of a store's `images`."""

    layout: Path

    @property
    def root(self) -> Json:
        """The descriptor of the manifest or index."""
        (descriptor,) = _read(self.layout / "index.json")["manifests"]
        assert isinstance(descriptor, dict)
        return descriptor

    @property
    def digest(self) -> str:
        """What the image is known by."""
        return str(self.root["digest"])

    @property
    def manifests(self) -> dict[str, Json]:
        """The descriptor of each platform's manifest."""
        document = self.document(self.root)
        if "manifests" not in document:
            return {_platform(self.document(document["config"])): self.root}
        return {_platform(entry["platform"]): entry for entry in document["manifests"]}

    def blob(self, descriptor: Json) -> Path:
        """Where a blob lies."""
        return self.layout / "blobs" / str(descriptor["digest"]).replace(":", "/")

    def document(self, descriptor: Json) -> Json:
        """A manifest, index or config."""
        return _read(self.blob(descriptor))

    def manifest(self, platform: str) -> Json:
        """A platform's manifest."""
        return self.document(self.manifests[platform])

    def config(self, platform: str) -> Json:
        """A platform's config."""
        return self.document(self.manifest(platform)["config"])

    def violations(self) -> tuple[str, ...]:
        """What the checker says."""
        root = Descriptor(self.root["mediaType"], Digest.parse(self.digest, self.root["size"]))
        return check_image(root, lambda digest: (self.layout / "blobs/sha256" / digest.hash).open("rb"))

    def unpack(self, platform: str, folder: Path) -> Path:
        """Unpack a platform's layers over each other, with owners and modes; returns `folder`."""
        folder.mkdir()
        for layer in self.manifest(platform)["layers"]:
            archive = self.blob(layer)
            subprocess.run(["tar", "-xzpf", archive, "-C", folder, "--numeric-owner"], check=True)
        return folder

    def heads(self, platform: str) -> Iterator[tuple[str, bytes]]:
        """The path and the first bytes of every regular file in a platform's layers."""
        for layer in self.manifest(platform)["layers"]:
            with tarfile.open(self.blob(layer), "r:gz") as archive:
                for member in archive:
                    if member.isreg() and (file := archive.extractfile(member)):
                        yield member.name, file.read(64)


def _read(path: Path) -> Json:
    document = json.loads(path.read_bytes())
    assert isinstance(document, dict)
    return document


def _platform(document: Json) -> str:
    return f"{document['os']}/{document['architecture']}"
