"""Layers that can be pulled lazily: their files lie in members or frames of their own."""

from __future__ import annotations

import gzip
import io
import struct
import tarfile
from itertools import pairwise

import zstandard

from tests.makers.base_images import OCI, Layer, sha256
from tests.makers.debian import entry, make_tar

_TOC = b'{"version": 1, "entries": []}'


def make_estargz(tar: bytes) -> Layer:
    """A member per file, one for the table of contents, and a footer that says where that is (estargz.md)."""
    *files, end = _split(tar)
    toc, _ = _split(make_tar([entry("stargz.index.json", _TOC)]))
    pieces = [*files, toc + end]
    members = [gzip.compress(piece, mtime=0) for piece in pieces]
    extra = b"SG" + struct.pack("<H", 22) + b"%016xSTARGZ" % sum(map(len, members[:-1]))
    footer = b"\x1f\x8b\x08\x04" + bytes(4) + b"\x00\xff" + struct.pack("<H", len(extra)) + extra
    footer += b"\x01\x00\x00\xff\xff" + bytes(8)  # a stored block of nothing, its checksum and size
    annotations = {
        "containerd.io/snapshot/stargz/toc.digest": sha256(_TOC),
        "io.containers.estargz.uncompressed-size": str(sum(map(len, pieces))),
    }
    data = b"".join(members) + footer
    return Layer(data, f"{OCI}.layer.v1.tar+gzip", sha256(b"".join(pieces)), annotations)


def make_chunked(tar: bytes) -> Layer:
    """A frame per file, and frames to be skipped that hold the table of contents (zstd:chunked of Podman)."""
    compress = zstandard.ZstdCompressor().compress
    frames = [compress(piece) for piece in _split(tar)]
    skipped = [struct.pack("<II", 0x184D2A50, len(data)) + data for data in (compress(_TOC), bytes(64))]
    data, media_type = b"".join((*frames, *skipped)), f"{OCI}.layer.v1.tar+zstd"
    checksum = {"io.github.containers.zstd-chunked.manifest-checksum": sha256(compress(_TOC))}
    return Layer(data, media_type, sha256(tar), checksum)


def _split(tar: bytes) -> list[bytes]:
    """A tar in pieces: one per entry, and its end."""
    with tarfile.open(fileobj=io.BytesIO(tar)) as archive:
        begins = [member.offset for member in archive]
        places = [*begins, archive.offset, len(tar)]
    return [tar[begin:end] for begin, end in pairwise(places)]
