"""Roots as images of the engine: layers sent to it, and the one that a container made of itself read back."""

from __future__ import annotations

import hashlib
import json
import tarfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

from envbuild.archive.decompress import MAX_LAYER, PIECE, ForwardReader, open_layer
from envbuild.archive.layer import EPOCH
from envbuild.archive.tar_header import BLOCK, FILE, encode_header, padding
from envbuild.core.errors import BuildError
from envbuild.core.wire import canonical_json
from envbuild.execute.sandbox.roots import Blob
from envbuild.sources.engine import load_archive

if TYPE_CHECKING:
    import docker
    from docker.models.images import Image

_MANIFEST: Final = "manifest.json"


def load_root(
    client: docker.DockerClient, layers: Sequence[Blob], name: str, labels: Mapping[str, str]
) -> None:
    """Have the image `name` of these layers in the engine, as a `docker-archive`; raises what the SDK does.

    The layers are sent unpacked: not every engine reads all that compresses them.
    """
    described = [_describe(layer) for layer in layers]
    platform = client.version()
    config = canonical_json(
        {
            "architecture": platform["Arch"],
            "os": platform["Os"],
            "config": {"Labels": dict(labels)},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{sha256}" for sha256, _ in described]},
        }
    )
    names = [f"{number}.tar" for number in range(len(layers))]
    manifest = canonical_json([{"Config": "config.json", "RepoTags": [name], "Layers": names}])
    sizes = [size for _, size in described]
    layered = zip(names, layers, sizes, strict=True)
    load_archive(client, _archive({_MANIFEST: manifest, "config.json": config}, layered))


def _describe(layer: Blob) -> tuple[str, int]:
    """The sha256 and size of a layer's tar."""
    sha256, size = hashlib.sha256(), 0
    for piece in _unpacked(layer):
        sha256.update(piece)
        size += len(piece)
    return sha256.hexdigest(), size


def _unpacked(layer: Blob) -> Iterator[bytes]:
    with layer.path.open("rb") as file:
        reader = open_layer(file)
        yield from iter(lambda: reader.read(PIECE), b"")


def _archive(documents: Mapping[str, bytes], layers: Iterable[tuple[str, Blob, int]]) -> Iterator[bytes]:
    for path, data in documents.items():
        yield encode_header(path, FILE, 0o644, EPOCH, size=len(data)) + data + padding(len(data))
    for path, layer, size in layers:
        yield encode_header(path, FILE, 0o644, EPOCH, size=size)
        yield from _unpacked(layer)
        yield padding(size)
    yield bytes(2 * BLOCK)


def save_top(image: Image, layers_below: int, folder: Path) -> Path | None:
    """The tar of the layer above so many others, as a file in `folder`; None where there is none."""
    if len(image.attrs["RootFS"].get("Layers") or ()) <= layers_below:
        return None
    kept: dict[str, Path] = {}
    links: dict[str, str] = {}
    manifest: Any = None
    with tarfile.open(fileobj=ForwardReader(iter(image.save()), MAX_LAYER), mode="r|") as archive:  # type: ignore[call-overload]
        for entry in archive:
            if entry.issym():
                links[entry.name] = str(Path(entry.name).parent.parent / entry.linkname.removeprefix("../"))
            file = archive.extractfile(entry) if entry.isreg() else None
            if file is None:
                continue
            if entry.name == _MANIFEST:
                manifest = json.load(file)
            elif (
                not entry.name.endswith(("json", "VERSION"))
                and str(image.id).partition(":")[2] not in entry.name
            ):
                kept[entry.name] = _keep(file, folder / f"layer-{len(kept)}")
    if manifest is None:
        raise BuildError("the Docker engine does not tell what the step changed")
    top = manifest[0]["Layers"][-1]
    return kept[links.get(top, top)]


def _keep(file: IO[bytes], path: Path) -> Path:
    with path.open("wb") as out:
        while piece := file.read(PIECE):
            out.write(piece)
    return path
