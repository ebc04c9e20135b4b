"""Small images in a store: real layers, configs, manifests and indexes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from envbuild.archive.layer import LayerWriter
from envbuild.archive.layer_info import LayerInfo
from envbuild.core.platform import Platform
from envbuild.core.protocols import BlobStore
from envbuild.oci.config import ImageConfig, Runtime
from envbuild.oci.descriptor import LAYER, Descriptor
from envbuild.oci.image import Image, read_image
from envbuild.oci.index import Index
from envbuild.oci.manifest import Manifest

AMD64, ARM64 = Platform("linux", "amd64"), Platform("linux", "arm64")
LAYERS = ({"etc/one": b"one\n"}, {"srv/two": b"two\n" * 1000})


def make_layer(store: BlobStore, files: Mapping[str, bytes]) -> LayerInfo:
    """A layer with these files."""
    with store.writer() as out:
        layer = LayerWriter(out)
        for path, data in files.items():
            layer.file(path, data)
        info = layer.finish()
        out.commit(info.digest)
    return info


def make_manifest(
    store: BlobStore,
    layers: Sequence[Mapping[str, bytes]] = LAYERS,
    platform: Platform = AMD64,
    annotations: Mapping[str, str] | None = None,
) -> Descriptor:
    """An image for one platform with a layer per mapping."""
    infos = [make_layer(store, files) for files in layers]
    config = ImageConfig(
        platform,
        Runtime(variables={"PATH": "/bin"}, command=("/bin/true",)),
        tuple(info.diff_id for info in infos),
        tuple(f"layer {n}" for n, _ in enumerate(infos)),
    )
    store.put(config.to_bytes())
    descriptors = tuple(Descriptor(LAYER, info.digest) for info in infos)
    manifest = Manifest(config.describe(), descriptors, annotations or {})
    store.put(manifest.to_bytes())
    return manifest.describe()


def make_index(store: BlobStore, platforms: Sequence[Platform] = (AMD64, ARM64)) -> Descriptor:
    """An image for several platforms; each has a layer of its own and shares one."""
    entries = []
    for platform in platforms:
        layers = (LAYERS[0], {"lib/arch": platform.architecture.encode()})
        made = make_manifest(store, layers, platform)
        entries.append(Descriptor(made.media_type, made.digest, platform))
    index = Index(tuple(entries))
    store.put(index.to_bytes())
    return index.describe()


def load_image(store: BlobStore, root: Descriptor) -> Image:
    """The image below a root in the store."""
    return read_image(root, lambda descriptor: store.read(descriptor.digest))
