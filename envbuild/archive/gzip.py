"""Gzip members (RFC 1952): deflate streams carried as they are, and data compressed by one pinned codec.

A gzip file is a sequence of members and inflates to the concatenation of theirs (section 2.2).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Generator, Iterable, Iterator
from typing import Final

import deflate

from envbuild.core.errors import ArchiveError

# Each release of libdeflate and each level writes other bytes: the dependency is pinned to one release, and
# a change of either moves the version of every builtin that makes layers. Level 4 would make Debian packages
# 6 % and wheels 0.7 % smaller, and take half as long again (docs/performance.md).
LEVEL: Final = 1

# Magic, method deflate, no flags, no time, no hint about the level, system unknown (section 2.3.1).
HEADER: Final = bytes.fromhex("1f8b08000000000000ff")
_FOOTER: Final = struct.Struct("<II")
_MAX_RATIO: Final = 1032  # deflate cannot expand a stream to more than this many times its size
_PIECE: Final = 1 << 20
_AT_ONCE: Final = 16 << 20  # the most that is inflated in one go where a stream is read by pieces


def compress_member(data: bytes | bytearray | memoryview) -> bytes:
    """One member made by the pinned codec."""
    return b"".join((HEADER, deflate.deflate_compress(data, LEVEL), _footer(deflate.crc32(data), len(data))))


def crc32(data: bytes | bytearray | memoryview, start: int = 0) -> int:
    """The CRC-32 of zip and gzip, continued from `start`."""
    return int(deflate.crc32(data, start))


def inflate(stream: bytes | memoryview, *, size: int, crc: int) -> bytes:
    """The contents of a raw deflate stream; raises ArchiveError unless it is whole and they are as stated."""
    return bytes(carry_stream(stream, size=size, crc=crc)[1])


def carry_stream(stream: bytes | memoryview, *, size: int, crc: int) -> tuple[bytes, bytearray]:
    """The member that holds a raw deflate stream unchanged, and its contents, inflated once.

    Raises ArchiveError unless the stream ends where it should and has this size and CRC.
    """
    refuse_bomb(len(stream), size)
    footer = _footer(crc, size)
    member = b"".join((HEADER, stream, footer))
    try:
        data: bytearray = deflate.gzip_decompress(member, size)
    except deflate.DeflateError:
        raise ArchiveError("a deflate stream does not hold the size and CRC stated for it") from None
    # The codec has seen a footer right behind the stream, but it does not say which: one in the stream with
    # the right CRC would hide this one, and what lies between.
    if len(data) == size and crc32(data) != crc:
        raise ArchiveError("a deflate stream does not hold the size and CRC stated for it")
    # So it was like this one, but maybe a copy: that would hide bytes that readers of the member would take
    # for another one. Asked for nothing, the codec has seen nothing.
    only_footer = size > 0 and member.rfind(footer, len(HEADER), len(member) - 1) < 0
    if len(data) != size or not (only_footer or _is_whole(stream, size)):
        raise ArchiveError("a deflate stream is followed by bytes that are not its own")
    return member, data


def carry_chunks(chunks: Iterable[bytes], *, size: int, crc: int) -> Iterator[tuple[bytes, bytes]]:
    """`carry_stream` for large streams: pairs of (piece of the member, inflated piece), either may be empty.

    Memory stays within some pieces of 1 MiB; raises ArchiveError at the end, so what was taken before
    must be dropped then.
    """
    yield HEADER, b""
    inflater, total, seen = zlib.decompressobj(-zlib.MAX_WBITS), 0, 0
    for chunk in chunks:
        if inflater.eof:
            raise ArchiveError("a deflate stream is followed by bytes that are not its own")
        yield chunk, b""
        for piece in inflate_pieces(inflater, chunk):
            total, seen = total + len(piece), crc32(piece, seen)
            if total > size:
                raise ArchiveError("a deflate stream is larger than stated")
            yield b"", piece
        if inflater.unused_data:
            raise ArchiveError("a deflate stream is followed by bytes that are not its own")
    if not inflater.eof or total != size or seen != crc:
        raise ArchiveError("a deflate stream does not hold the size and CRC stated for it")
    yield _footer(crc, size), b""


def inflate_members(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The contents of a gzip file in pieces of at most 16 MiB; raises ArchiveError, also if it ends early.

    Members of our own writer that lie whole in a chunk are inflated at once, which takes half the time.
    """
    inflater = zlib.decompressobj(zlib.MAX_WBITS | 16)
    at_start = True
    for chunk in chunks:
        rest = chunk
        while rest:
            if at_start:
                end = yield from _inflate_whole(rest)
                rest = rest[end:]
            yield from inflate_pieces(inflater, rest)
            at_start = not rest or inflater.eof
            rest = inflater.unused_data
            if at_start:
                inflater = zlib.decompressobj(zlib.MAX_WBITS | 16)
    if not at_start:
        raise ArchiveError("a gzip file ends early")


def _inflate_whole(data: bytes) -> Generator[bytes, None, int]:
    """Inflate members that end where another one seems to begin, or with the data; returns their size.

    What looks like the beginning of a member may be part of one, and the codec checks nothing where it is
    asked for nothing: where anything is in doubt, this stops, and who reads bit by bit decides.
    """
    view, at = memoryview(data), 0
    while data.startswith(HEADER, at):
        end = data.find(HEADER, at + 1)
        end = len(data) if end < 0 else end
        if end - at < len(HEADER) + _FOOTER.size:
            break
        footer = data[end - _FOOTER.size : end]
        crc, size = _FOOTER.unpack(footer)
        if size == 0 or size > min(_AT_ONCE, (end - at) * _MAX_RATIO) or data.rfind(footer, at, end - 1) >= 0:
            break
        try:
            contents = bytes(deflate.gzip_decompress(view[at:end], size))
        except deflate.DeflateError:
            break
        if len(contents) != size or crc32(contents) != crc:  # the footer that the codec saw is another one
            break
        yield contents
        at = end
    return at


def inflate_pieces(inflater: zlib._Decompress, data: bytes | memoryview) -> Iterator[bytes]:
    """Feed `data` and yield what comes out, at most 1 MiB at a time; raises ArchiveError."""
    full = False  # a full piece may have left output behind, even where all input is taken
    while (data or full) and not inflater.eof:
        try:
            piece = inflater.decompress(data, _PIECE)
        except zlib.error:
            raise ArchiveError("a deflate stream is broken") from None
        data, full = inflater.unconsumed_tail, len(piece) == _PIECE
        if piece:
            yield piece


def refuse_bomb(compressed: int, size: int) -> None:
    """Raise ArchiveError where a stream cannot hold as much as is stated: memory is taken by that number."""
    if size > compressed * _MAX_RATIO:
        raise ArchiveError(f"a deflate stream of {compressed} bytes cannot hold the {size} stated for it")


def _is_whole(stream: bytes | memoryview, size: int) -> bool:
    """Whether a deflate stream holds `size` bytes and ends with its last one: slow and exact."""
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    whole = sum(map(len, inflate_pieces(inflater, stream))) == size
    return whole and inflater.eof and not inflater.unused_data


def _footer(crc: int, size: int) -> bytes:
    return _FOOTER.pack(crc, size & 0xFFFFFFFF)
