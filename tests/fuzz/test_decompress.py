"""Changed streams of every compression: what comes out is what the format's own reader says, or nothing."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
from collections.abc import Callable, Mapping

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from envbuild.archive.decompress import PIECE, ForwardReader, open_compressed, open_layer
from tests.makers.debian import COMPRESSIONS
from tests.makers.mutants import fuzz, mutants, read_or_refuse

DATA = b"some contents " * 300 + bytes(5000)
LIMIT = 1 << 20
PACKED = {suffix: compress(DATA) for suffix, compress in COMPRESSIONS.items()} | {".bz2": bz2.compress(DATA)}
READERS: Mapping[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": gzip.decompress,
    ".xz": lzma.decompress,
    ".bz2": bz2.decompress,
    ".zst": lambda data: zstandard.ZstdDecompressor().decompressobj().decompress(data),
}


def read_all(reader: ForwardReader) -> bytes:
    pieces = []
    while piece := reader.read(PIECE):
        pieces.append(piece)
    return b"".join(pieces)


@pytest.mark.parametrize("suffix", PACKED)
def test_changed_streams(suffix: str) -> None:
    @fuzz
    @given(mutants(PACKED[suffix], marks=[0, len(PACKED[suffix]) - 40]))
    def changed(data: bytes) -> None:
        read = read_or_refuse(lambda: read_all(open_compressed(io.BytesIO(data), suffix, limit=LIMIT)))
        assert read is None or len(read) <= LIMIT
        assert not read or read == READERS[suffix](data)

    changed()


@fuzz
@given(st.sampled_from(sorted(PACKED)).flatmap(lambda suffix: mutants(PACKED[suffix], limit=2)))
def test_changed_layers(data: bytes) -> None:
    read = read_or_refuse(lambda: read_all(open_layer(io.BytesIO(data), limit=LIMIT)))
    assert read is None or len(read) <= LIMIT


def test_what_nobody_changed_is_read() -> None:
    for suffix, data in PACKED.items():
        assert (
            read_all(open_compressed(io.BytesIO(data), suffix, limit=LIMIT)) == READERS[suffix](data) == DATA
        )
    for suffix in ("", ".gz", ".zst"):
        assert read_all(open_layer(io.BytesIO(PACKED[suffix]), limit=LIMIT)) == DATA
