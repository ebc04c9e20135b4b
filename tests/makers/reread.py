"""Layers read by Python's own tar and gzip readers, and what must hold for each."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile

from envbuild.archive.layer_info import LayerInfo
from envbuild.archive.listing import Kind, encode_listing, folders_above, parse_listing

_KINDS = {
    tarfile.REGTYPE: Kind.FILE,
    tarfile.DIRTYPE: Kind.DIRECTORY,
    tarfile.SYMTYPE: Kind.SYMLINK,
    tarfile.LNKTYPE: Kind.HARDLINK,
}


def check_digests(layer: bytes, info: LayerInfo) -> bytes:
    """The layer has the digests and sizes that `info` states; gives the tar in it."""
    assert (hashlib.sha256(layer).hexdigest(), len(layer)) == (info.digest.hash, info.digest.size)
    tar = gzip.decompress(layer)
    assert (f"sha256:{hashlib.sha256(tar).hexdigest()}", len(tar)) == (info.diff_id, info.uncompressed)
    return tar


def check_layer(layer: bytes, info: LayerInfo) -> None:
    """The layer is what `info` says, names each path once, and none of them leaves the root."""
    with tarfile.open(fileobj=io.BytesIO(check_digests(layer, info))) as archive:
        members = archive.getmembers()
    stated = [(entry.path, entry.kind, entry.size, entry.target) for entry in info.entries]
    assert [(m.name, _KINDS[m.type], m.size, m.linkname) for m in members] == stated
    paths = {member.name for member in members}
    assert len(paths) == len(members)
    assert not [path for path in paths if path.startswith("/") or {"", ".", ".."} & {*path.split("/")}]
    assert folders_above(paths) == {m.name for m in members if m.isdir()} & folders_above(paths)
    assert all(member.linkname in paths for member in members if member.islnk())
    assert parse_listing(encode_listing(info.entries)) == info.entries
    assert LayerInfo.from_json(info.to_json()).digest == info.digest
