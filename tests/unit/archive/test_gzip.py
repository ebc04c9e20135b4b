"""Members are read back by Python's gzip; streams that lie are not carried."""

from __future__ import annotations

import gzip
import random
import zlib
from collections.abc import Callable

import pytest

from envbuild.archive import gzip as members
from envbuild.core.errors import ArchiveError
from tests.makers.zips import raw_deflate

DATA = random.Random(3).randbytes(5_000) + b"text " * 4_000
CRC = zlib.crc32(DATA)
STREAM = raw_deflate(DATA)
FOOTER = CRC.to_bytes(4, "little") + len(DATA).to_bytes(4, "little")

EMPTY = raw_deflate(b"")

Carry = Callable[[bytes, int, int], tuple[bytes, bytes]]


def carry_whole(stream: bytes, size: int, crc: int) -> tuple[bytes, bytes]:
    member, data = members.carry_stream(stream, size=size, crc=crc)
    return member, bytes(data)


def carry_pieces(stream: bytes, size: int, crc: int) -> tuple[bytes, bytes]:
    chunks = (stream[at : at + 999] for at in range(0, len(stream), 999))
    pieces = list(members.carry_chunks(chunks, size=size, crc=crc))
    return b"".join(piece for piece, _ in pieces), b"".join(data for _, data in pieces)


both = pytest.mark.parametrize("carry", [carry_whole, carry_pieces])


@pytest.mark.parametrize("data", [b"", b"x", DATA, bytes(3 << 20)])
def test_compressed_members_hold_their_data(data: bytes) -> None:
    assert gzip.decompress(members.compress_member(data)) == data


def test_members_tell_no_time_no_name_and_no_system() -> None:
    assert members.compress_member(b"x")[:10].hex() == "1f8b08000000000000ff"


@both
@pytest.mark.parametrize("data", [b"", b"x", DATA, bytes(3 << 20)])
def test_carried_members_hold_the_stream_unchanged(carry: Carry, data: bytes) -> None:
    stream = raw_deflate(data)
    member, contents = carry(stream, len(data), zlib.crc32(data))
    assert contents == data
    assert member[10:-8] == stream
    assert gzip.decompress(member) == data


@both
@pytest.mark.parametrize(
    ("stream", "size", "crc"),
    [
        pytest.param(STREAM, len(DATA), CRC ^ 1, id="another CRC"),
        pytest.param(STREAM, len(DATA) - 1, CRC, id="more than stated"),
        pytest.param(STREAM, len(DATA) + 1, CRC, id="less than stated"),
        pytest.param(STREAM[:-3], len(DATA), CRC, id="cut"),
        pytest.param(STREAM + b"junk", len(DATA), CRC, id="junk behind it"),
        pytest.param(b"\xff" * 100, len(DATA), CRC, id="no deflate stream"),
        pytest.param(b"", len(DATA), CRC, id="nothing"),
        pytest.param(b"", 0, 0, id="nothing for nothing"),
        pytest.param(STREAM, 0, 0, id="something for nothing"),
        # What a codec that stops at the end of a member takes for a whole one, and hides a second in it.
        pytest.param(STREAM + FOOTER + gzip.compress(b"hidden")[:-8], len(DATA), CRC, id="a hidden member"),
        pytest.param(STREAM + FOOTER, len(DATA), CRC, id="the footer twice"),
        pytest.param(STREAM + FOOTER + b"junk", len(DATA), CRC ^ 1, id="another CRC, the right one hidden"),
        pytest.param(EMPTY, 0, 1, id="another CRC of nothing"),
    ],
)
def test_streams_that_lie_are_refused(carry: Carry, stream: bytes, size: int, crc: int) -> None:
    with pytest.raises(ArchiveError, match="deflate stream"):
        carry(stream, size, crc)


def test_a_bomb_is_refused_before_memory_is_taken() -> None:
    with pytest.raises(ArchiveError, match="cannot hold"):
        members.carry_stream(STREAM, size=1 << 40, crc=CRC)


def test_chunks_may_expand_much() -> None:
    zeros = bytes(200 << 20)
    stream, crc = raw_deflate(zeros), zlib.crc32(zeros)
    sizes = [len(data) for _, data in members.carry_chunks([stream], size=len(zeros), crc=crc)]
    assert sum(sizes) == len(zeros)
    assert max(sizes) <= 1 << 20


def test_nothing_is_taken_behind_the_end_of_chunks() -> None:
    # The end of the stream at the end of a chunk: what follows must be noticed as well.
    with pytest.raises(ArchiveError, match="followed"):
        list(members.carry_chunks([STREAM, b"junk"], size=len(DATA), crc=CRC))


@pytest.mark.parametrize("size", [0, 1, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 3 << 20])
def test_pieces_of_a_file_of_members_are_its_contents(size: int) -> None:
    # Sizes around the bound of a piece: there, a decompressor may hold output back though all input is taken.
    file = members.compress_member(b"first") + members.compress_member(bytes(size)) + gzip.compress(b"last")
    chunks = [file[at : at + 7] for at in range(0, len(file), 7)]
    assert b"".join(members.inflate_members(chunks)) == b"first" + bytes(size) + b"last"


@pytest.mark.parametrize("damage", [lambda f: f[:-1], lambda f: f + b"x" * 20, lambda f: b"x" + f])
def test_damaged_files_of_members_are_refused(damage: Callable[[bytes], bytes]) -> None:
    with pytest.raises(ArchiveError):
        list(members.inflate_members([damage(members.compress_member(DATA))]))


@pytest.mark.parametrize("chunk", [7, 100_000])
def test_junk_between_members_that_ends_like_one_is_refused(chunk: int) -> None:
    # It ends with the size of the first one, as if it were the rest of its footer.
    file = members.compress_member(DATA) + b"junk" + FOOTER[4:] + members.compress_member(b"second")
    with pytest.raises(ArchiveError):
        list(members.inflate_members(file[at : at + chunk] for at in range(0, len(file), chunk)))


@pytest.mark.parametrize(("stream", "data"), [(STREAM, DATA), (EMPTY, b"")])
def test_inflate(stream: bytes, data: bytes) -> None:
    assert members.inflate(stream, size=len(data), crc=zlib.crc32(data)) == data


@pytest.mark.parametrize(
    ("stream", "size", "crc"),
    [
        pytest.param(STREAM, len(DATA), CRC ^ 1, id="another CRC"),
        pytest.param(b"\xff" * 100, 100, 0, id="no deflate stream"),
        pytest.param(STREAM + b"junk", len(DATA), CRC, id="junk behind it"),
        pytest.param(STREAM, 0, 0, id="something for nothing"),
        pytest.param(EMPTY + b"junk", 0, 0, id="junk behind nothing"),
        pytest.param(b"", 0, 0, id="no stream for nothing"),
    ],
)
def test_inflate_refuses(stream: bytes, size: int, crc: int) -> None:
    with pytest.raises(ArchiveError, match="deflate stream"):
        members.inflate(stream, size=size, crc=crc)


@pytest.mark.parametrize("chunk", [1, 7, 50, 1000])
def test_a_member_that_states_nothing_and_holds_something_is_refused(chunk: int) -> None:
    member = members.compress_member(b"first" * 50)
    lying = member[:-8] + bytes(8) + members.compress_member(b"second")
    with pytest.raises(ArchiveError, match="broken"):
        list(members.inflate_members([lying[at : at + chunk] for at in range(0, len(lying), chunk)]))
