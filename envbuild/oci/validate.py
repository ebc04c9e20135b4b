"""A checker of everything that must hold of an image; it reads every byte and inflates every layer."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, Final

from envbuild.archive.gzip import inflate_members
from envbuild.core.digest import PREFIX, Digest
from envbuild.core.errors import EnvbuildError
from envbuild.core.platform import Platform
from envbuild.core.text import excerpt
from envbuild.oci.config import ImageConfig
from envbuild.oci.descriptor import CONFIG, INDEX, LAYER, MANIFEST, Descriptor
from envbuild.oci.document import MAX_SIZE, BadImage
from envbuild.oci.index import Index
from envbuild.oci.manifest import Manifest

OpenBlob = Callable[[Digest], BinaryIO]

_CHUNK: Final = 1 << 20
_MAX_LAYERS: Final = 127  # what overlayfs drivers of container engines take
_BLOCK: Final = 512


def require_valid(root: Descriptor, open_blob: OpenBlob) -> None:
    """Raise BadImage with all violations, unless the image below `root` has none."""
    violations = check_image(root, open_blob)
    if violations:
        raise BadImage(
            "\n".join([f"the image `{root.digest}` is malformed", *(f"  {v}" for v in violations)])
        )


def check_image(root: Descriptor, open_blob: OpenBlob) -> tuple[str, ...]:
    """Everything that is wrong with an image or index, in the order found; empty if nothing is.

    `open_blob` opens a blob by digest and may raise EnvbuildError; its bytes are not trusted.
    """
    check = _Check(open_blob)
    if root.media_type == INDEX:
        check.index(root)
    else:
        check.manifest(root)
    return tuple(check.violations)


@dataclass(slots=True)
class _Check:
    open_blob: OpenBlob
    violations: list[str] = field(default_factory=list)
    _diff_ids: dict[Digest, str] = field(default_factory=dict)

    def index(self, root: Descriptor) -> None:
        """An index: canonical entries, each for another platform, each a valid manifest for it."""
        try:
            index = Index.parse(self._document(root))
        except EnvbuildError as error:
            self._report(root, error.message)
            return
        platforms = [entry.platform for entry in index.manifests]
        self._require(bool(platforms), root, "lists no image")
        self._require(None not in platforms, root, "lists an image without platform")
        self._require(len(set(platforms)) == len(platforms), root, "lists a platform twice")
        for entry in index.manifests:
            self.manifest(entry)

    def manifest(self, descriptor: Descriptor) -> None:
        """A manifest: its media types, its config, and as many layers with the diff IDs stated."""
        self._kind(descriptor, MANIFEST)
        try:
            manifest = Manifest.parse(self._document(descriptor))
            config = ImageConfig.parse(self._document(manifest.config))
        except EnvbuildError as error:
            self._report(descriptor, error.message)
            return
        self._require(manifest.config.media_type == CONFIG, manifest.config, "is no image config by its type")
        self._platform(descriptor, config.platform)
        self._layers(descriptor, manifest, config)

    def _kind(self, descriptor: Descriptor, media_type: str) -> None:
        same = descriptor.media_type == media_type
        self._require(same, descriptor, f"is a `{excerpt(descriptor.media_type)}`")

    def _platform(self, descriptor: Descriptor, platform: Platform) -> None:
        agrees = descriptor.platform in (None, platform)
        self._require(agrees, descriptor, f"is listed for `{descriptor.platform}`, but is for `{platform}`")

    def _layers(self, descriptor: Descriptor, manifest: Manifest, config: ImageConfig) -> None:
        layers, diff_ids = manifest.layers, config.diff_ids
        same = len(layers) == len(diff_ids)
        self._require(same, descriptor, f"has {len(layers)} layers, but {len(diff_ids)} diff IDs")
        if config.history:
            told = len(config.history)
            self._require(told == len(layers), descriptor, f"has {len(layers)} layers, but tells of {told}")
        self._require(len(layers) <= _MAX_LAYERS, descriptor, f"has over {_MAX_LAYERS} layers")
        for layer, diff_id in zip(layers, diff_ids, strict=False):
            self._layer(layer, diff_id)

    def _layer(self, layer: Descriptor, diff_id: str) -> None:
        self._kind(layer, LAYER)
        if layer.digest not in self._diff_ids:
            self._diff_ids[layer.digest] = self._inflate(layer)
        found = self._diff_ids[layer.digest]
        self._require(found in ("", diff_id), layer, f"has the diff ID {found}, but {diff_id} is stated")

    def _inflate(self, layer: Descriptor) -> str:
        """A layer's real diff ID; "" where it cannot be told, which is reported."""
        try:
            with self.open_blob(layer.digest) as file:
                raw = _Hashed(file)
                diff, size, end = hashlib.sha256(), 0, b""
                for piece in inflate_members(raw.chunks()):
                    diff.update(piece)
                    size, end = size + len(piece), (end + piece)[-2 * _BLOCK :]
        except (EnvbuildError, OSError) as error:
            self._report(layer, str(error))
            return ""
        self._same(layer, raw.digest())
        whole = size % _BLOCK == 0 and end == bytes(2 * _BLOCK)
        self._require(whole, layer, "does not end as a tar archive does")
        return PREFIX + diff.hexdigest()

    def _document(self, descriptor: Descriptor) -> bytes:
        """A document's bytes; raises BadImage where they are too many, EnvbuildError where there are none."""
        if descriptor.digest.size > MAX_SIZE:
            raise BadImage(f"`{descriptor.digest}` is too large for a document")
        with self.open_blob(descriptor.digest) as file:
            data = file.read(MAX_SIZE + 1)
        self._same(descriptor, Digest.of(data))
        return data

    def _same(self, descriptor: Descriptor, found: Digest) -> None:
        sizes = f"has {found.size} bytes, but {descriptor.digest.size} are stated"
        self._require(found.size == descriptor.digest.size, descriptor, sizes)
        self._require(found.hash == descriptor.digest.hash, descriptor, f"has the digest {found}")

    def _require(self, condition: bool, descriptor: Descriptor, message: str) -> None:  # noqa: FBT001 (it is asked)
        if not condition:
            self._report(descriptor, message)

    def _report(self, descriptor: Descriptor, message: str) -> None:
        self.violations.append(f"`{descriptor.digest}` {message}")


class _Hashed:
    """A file read in chunks, with the digest of what was read."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._hash = hashlib.sha256()
        self._size = 0

    def chunks(self) -> Iterator[bytes]:
        while chunk := self._file.read(_CHUNK):
            self._hash.update(chunk)
            self._size += len(chunk)
            yield chunk

    def digest(self) -> Digest:
        return Digest(self._hash.hexdigest(), self._size)
