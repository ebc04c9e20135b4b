"""Reading compressed streams forwards only, with bounded memory and a bounded size."""

from __future__ import annotations

import bz2
import lzma
from collections.abc import Callable, Iterator
from typing import Final, Protocol

from envbuild.archive.gzip import inflate_members
from envbuild.core.errors import ArchiveError

MAX_LAYER: Final = 64 << 30  # bytes that a layer may unpack to
PIECE: Final = 1 << 20  # the most that is decompressed, or may be read, at once
_CHUNK: Final = 1 << 16
# Four bytes of zstd can stand for a block of 128 KiB, and the decoder gives all that a chunk holds at once:
# 64 MiB at most. Larger chunks save no time that can be measured.
_ZSTD_CHUNK: Final = 1 << 11
# What a decoder may take. `xz -9` wants 65 MiB and `zstd --ultra -22` 128 MiB; dpkg-deb stays below both.
_MAX_MEMORY: Final = 192 << 20
_MAX_WINDOW: Final = 128 << 20

Watch = Callable[[bytes], object]


class Source(Protocol):
    """Where bytes come from."""

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes, none at the end."""


class Section:
    """A range of a seekable file, read from its beginning."""

    def __init__(self, file: SeekableSource, offset: int, size: int) -> None:
        self._file = file
        self._left = size
        file.seek(offset)

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes of what is left of the range."""
        data = self._file.read(min(size, self._left))
        self._left -= len(data)
        return data


class SeekableSource(Source, Protocol):
    """A source with a position."""

    def seek(self, offset: int, /) -> int:
        """Go to an offset from the beginning."""


class ForwardReader:
    """A stream of pieces as a file that can be read and skipped forwards.

    Raises ArchiveError past `limit` bytes, at the pieces' own faults, and for one read of more than `PIECE`:
    no reader of a format needs more at once, unless a length in it is a lie. `watch` gets every piece.
    """

    def __init__(self, pieces: Iterator[bytes], limit: int, watch: Watch = len) -> None:
        self._pieces = pieces
        self._limit = limit
        self._watch = watch
        self._piece = b""
        self._at = 0  # in the piece
        self._passed = 0  # bytes before the piece

    def tell(self) -> int:
        """The position, in bytes from the beginning."""
        return self._passed + self._at

    def seek(self, position: int, _whence: int = 0, /) -> int:
        """Skip to a position that is not behind; the end of the stream stops it."""
        if position < self.tell():
            raise ArchiveError("an archive can only be read forwards")
        while position > self._passed + len(self._piece) and self._advance():
            pass
        self._at = min(position - self._passed, len(self._piece))
        return self.tell()

    def read(self, size: int, /) -> bytes:
        """`size` bytes, fewer only at the end."""
        if not 0 <= size <= PIECE:
            raise ArchiveError(f"an archive states a header of {size} bytes")
        parts = [self._piece[self._at : self._at + size]]
        self._at += len(parts[0])
        left = size - len(parts[0])
        while left and self._advance():
            parts.append(self._piece[:left])
            self._at = len(parts[-1])
            left -= self._at
        return b"".join(parts)

    def _advance(self) -> bool:
        """Go to the beginning of the next piece, False where there is none."""
        piece = next(self._pieces, b"")
        self._passed += len(self._piece)
        self._piece, self._at = piece, 0
        if self._passed + len(piece) > self._limit:
            raise ArchiveError(f"an archive unpacks to more than {self._limit} bytes")
        self._watch(piece)
        return bool(piece)


def open_compressed(source: Source, suffix: str, *, limit: int) -> ForwardReader:
    """Read what `source` holds, compressed as the file name's suffix says ("" = not at all)."""
    opener = _OPENERS.get(suffix)
    if opener is None:
        raise ArchiveError(f"compression `{suffix}` is not supported")
    return ForwardReader(opener(source), limit)


def open_frames(source: Source, *, limit: int) -> ForwardReader:
    """Read what zstd frames hold that lie one behind another."""
    return ForwardReader(_unzstded_frames(source), limit)


def open_layer(file: SeekableSource, *, limit: int = MAX_LAYER, watch: Watch = len) -> ForwardReader:
    """Read a layer's tar; its first bytes tell how it is compressed: gzip, zstd (RFC 8878) or not at all."""
    start = file.read(4)
    file.seek(0)
    opener = next((opener for magic, opener in _MAGIC.items() if start.startswith(magic)), _stored)
    return ForwardReader(opener(file), limit, watch)


def _chunks(source: Source, size: int = _CHUNK) -> Iterator[bytes]:
    return iter(lambda: source.read(size), b"")


def _stored(source: Source) -> Iterator[bytes]:
    return _chunks(source, PIECE)


def _gunzipped(source: Source) -> Iterator[bytes]:
    return inflate_members(_chunks(source))


def _unxzed(source: Source) -> Iterator[bytes]:
    """The contents of one xz stream, which is what dpkg-deb writes."""
    decoder = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_MAX_MEMORY)
    try:
        yield from _decoded(decoder, source, "an xz stream")
    except lzma.LZMAError as error:
        raise ArchiveError("an xz stream is broken or wants too much memory") from error


def _unbzipped(source: Source) -> Iterator[bytes]:
    """The contents of one bzip2 stream."""
    try:
        yield from _decoded(bz2.BZ2Decompressor(), source, "a bzip2 stream")
    except OSError as error:
        raise ArchiveError("a bzip2 stream is broken") from error


def _decoded(
    decoder: lzma.LZMADecompressor | bz2.BZ2Decompressor, source: Source, what: str
) -> Iterator[bytes]:
    """The contents of one stream and nothing behind it, a piece at a time."""
    for chunk in _chunks(source):
        if decoder.eof:
            raise ArchiveError(f"{what} is followed by bytes that are not its own")
        piece = decoder.decompress(chunk, PIECE)
        while piece:
            yield piece
            piece = b"" if decoder.eof else decoder.decompress(b"", PIECE)
        if decoder.unused_data:
            raise ArchiveError(f"{what} is followed by bytes that are not its own")
    if not decoder.eof:
        raise ArchiveError(f"{what} ends early")


def _unzstded(source: Source) -> Iterator[bytes]:
    """The contents of one zstd frame, which is what dpkg-deb writes."""
    import zstandard

    decoder = zstandard.ZstdDecompressor(max_window_size=_MAX_WINDOW).decompressobj()
    try:
        for chunk in _chunks(source, _ZSTD_CHUNK):
            if decoder.eof:
                raise ArchiveError("a zstd stream is followed by bytes that are not its own")
            yield from _non_empty(decoder.decompress(chunk))
    except zstandard.ZstdError as error:
        raise ArchiveError("a zstd stream is broken or wants too much memory") from error
    if decoder.unused_data:
        raise ArchiveError("a zstd stream is followed by bytes that are not its own")
    if not decoder.eof:
        raise ArchiveError("a zstd stream ends early")


def _unzstded_frames(source: Source) -> Iterator[bytes]:
    """The contents of zstd frames one behind another, as layers may be (RFC 8878, section 3)."""
    import zstandard

    decompressor = zstandard.ZstdDecompressor(max_window_size=_MAX_WINDOW)
    decoder = decompressor.decompressobj()
    try:
        for chunk in _chunks(source, _ZSTD_CHUNK):
            rest = chunk
            while rest:
                if decoder.eof:
                    decoder = decompressor.decompressobj()
                yield from _non_empty(decoder.decompress(rest))
                rest = decoder.unused_data if decoder.eof else b""
    except zstandard.ZstdError as error:
        raise ArchiveError("a zstd stream is broken or wants too much memory") from error
    if not decoder.eof:
        raise ArchiveError("a zstd stream ends early")


def _non_empty(piece: bytes) -> Iterator[bytes]:
    """The piece, unless it is empty: that would end a stream of pieces."""
    if piece:
        yield piece


_Opener = Callable[[Source], Iterator[bytes]]
_OPENERS: Final[dict[str, _Opener]] = {
    "": _stored,
    ".gz": _gunzipped,
    ".xz": _unxzed,
    ".zst": _unzstded,
    ".bz2": _unbzipped,
}
_MAGIC: Final[dict[bytes, _Opener]] = {b"\x1f\x8b": _gunzipped, b"\x28\xb5\x2f\xfd": _unzstded_frames}
