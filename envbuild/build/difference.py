"""Where two images of one target differ first: in which file of which layer."""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Iterator
from itertools import zip_longest
from typing import Final

from envbuild.archive.decompress import PIECE, Source, open_compressed
from envbuild.archive.tar_reader import read_tar
from envbuild.core.dataclass import dataclass
from envbuild.core.digest import Digest
from envbuild.core.protocols import BlobStore
from envbuild.graph.analyze import Configured
from envbuild.oci.image import Image
from envbuild.oci.manifest import Manifest
from envbuild.rule.image import Image as DeclaredImage

_LIMIT: Final = 1 << 40  # bytes of a layer: both are our own work, so only a damaged one comes near


@dataclass(frozen=True, slots=True)
class Side:
    """One of two images, and the store that holds its blobs."""

    image: Image
    store: BlobStore


def find_difference(target: Configured, one: Side, two: Side) -> str:
    """The first difference in the order of platforms, layers and files, in words; "" where there is none.

    Raises BlobMissing, and ArchiveError for a layer that cannot be read.
    """
    if one.image.digest == two.image.digest:
        return ""
    manifests = zip(target.images.values(), one.image.manifests, two.image.manifests, strict=False)
    for declared, (_, left), (_, right) in manifests:
        found = _compare_manifests(declared, (left, one.store), (right, two.store))
        if found:
            return found
    return "the index"


def _compare_manifests(
    declared: DeclaredImage, one: tuple[Manifest, BlobStore], two: tuple[Manifest, BlobStore]
) -> str:
    (left, left_store), (right, right_store) = one, two
    where = f"for {declared.platform}"
    layers = zip(declared.all_layers, left.layers, right.layers, strict=False)
    for n, (parts, first, second) in enumerate(layers, 1):
        if first.digest != second.digest:
            what = _compare_layers((first.digest, left_store), (second.digest, right_store))
            return f"layer {n} {where} ({', '.join(parts.packages)}): {what}"
    if len(left.layers) != len(right.layers):
        return f"the number of layers {where}"
    if left.config != right.config:
        return f"the configuration {where}"
    return "" if left == right else f"the manifest {where}"


def _compare_layers(one: tuple[Digest, BlobStore], two: tuple[Digest, BlobStore]) -> str:
    for left, right in zip_longest(_read_entries(*one), _read_entries(*two)):
        if left != right:
            return _compare_entries(left, right)
    return "the same files, compressed otherwise"


def _compare_entries(left: _Entry | None, right: _Entry | None) -> str:
    if left is None or right is None:
        return f"`{(left or right or {})['path']}` is in one of them only"
    if left["path"] != right["path"]:
        return f"`{left['path']}` is where the second build has `{right['path']}`"
    aspects = [aspect for aspect in left if left[aspect] != right[aspect]]
    return f"`{left['path']}` differs in its {' and '.join(aspects)}"


# What there is to say of an entry of a layer, by the words that a difference is told with.
_Entry = dict[str, object]


def _read_entries(digest: Digest, store: BlobStore) -> Iterator[_Entry]:
    with store.path(digest).open("rb") as file:
        for entry, contents in read_tar(open_compressed(file, ".gz", limit=_LIMIT)):
            yield _describe(entry, contents)


def _describe(entry: tarfile.TarInfo, contents: Source) -> _Entry:
    return {
        "path": entry.name,
        "kind": entry.type,
        "mode": entry.mode,
        "owner": (entry.uid, entry.gid, entry.uname, entry.gname),
        "time": entry.mtime,
        "target": entry.linkname,
        "contents": _hash(contents) if entry.isreg() else "",
        "header": entry.pax_headers,
    }


def _hash(contents: Source) -> str:
    digest = hashlib.sha256()
    while piece := contents.read(PIECE):
        digest.update(piece)
    return digest.hexdigest()
