"""Zips written field by field (PKWARE APPNOTE.TXT, 4.3), so that each field can be a lie."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import deflate

FULL = 0xFFFFFFFF


@dataclass(frozen=True)
class RawMember:
    """A member as the zip's directory states it; `local` and `gap` are what differs at its contents.

    `extra` are further fields, `comment` is the directory's.
    """

    name: bytes
    stored: bytes
    size: int
    crc: int
    method: int = 8
    flags: int = 0x800
    mode: int = 0o100644
    compressed: int | None = None
    local: RawMember | None = None
    gap: bytes = b""
    zip64: bool = False
    offset: int | None = None
    disk: int = 0
    extra: bytes = b""
    comment: bytes = b""

    def but(self, **changes: object) -> RawMember:
        """The same with other fields."""
        return replace(self, **changes)  # type: ignore[arg-type]


def deflated(name: str, data: bytes) -> RawMember:
    """An honest member."""
    return RawMember(name.encode(), raw_deflate(data), len(data), zlib.crc32(data))


def unicode_path(name: bytes) -> bytes:
    """The extra field by which some readers go instead of the name (4.6.9)."""
    return struct.pack("<2HBL", 0x7075, 5 + len(name), 1, 0) + name


def raw_deflate(data: bytes) -> bytes:
    """A raw deflate stream; made by the pinned codec, since the machine's zlib may be any."""
    return bytes(deflate.deflate_compress(data, 6))


def assemble_zip(
    members: Sequence[RawMember], *, count: int | None = None, comment: bytes = b"", zip64: bool = False,
    before_end: bytes = b"", disk: int = 0, locator: bytes = b"PK\6\7", front: bytes = b"",
    shift: int = 0, behind_end64: bytes = b"", short: tuple[int, int, int] = (0xFFFF, FULL, FULL),
) -> bytes:  # fmt: skip
    """The members, their directory and the end records.

    `front` comes before all; `shift` moves where the zip64 locator points, `behind_end64` the locator itself,
    and `short` is what the end record says where there is a zip64 one.
    """
    body, directory = front, b""
    for member in members:
        directory += _record(member, len(body) if member.offset is None else member.offset)
        body += _local(member.local or member) + member.stored + member.gap
    total = len(members) if count is None else count
    end64 = b""
    stated = (total, len(directory), len(body))
    if zip64:
        end64 = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, total, *stated)
        end64 += behind_end64
        end64 += struct.pack("<4sLQL", locator, 0, len(body) + len(directory) + shift, 1)
        stated = short
    end = struct.pack("<4s4H2LH", b"PK\5\6", disk, disk, stated[0], *stated, len(comment))
    return body + directory + before_end + end64 + end + comment


def _local(member: RawMember) -> bytes:
    described = member.flags & 0x8
    sizes = (0, 0, 0) if described else (member.crc, _compressed(member), member.size)
    extra = member.extra
    if member.zip64:
        extra += struct.pack("<2H2Q", 1, 16, sizes[2], sizes[1])
        sizes = (sizes[0], FULL, FULL)
    head = (b"PK\3\4", 20, member.flags, member.method, 0, 33, *sizes, len(member.name), len(extra))
    return struct.pack("<4s5H3L2H", *head) + member.name + extra


def _record(member: RawMember, offset: int) -> bytes:
    sizes, extra = (_compressed(member), member.size), member.extra
    if member.zip64:
        # An unrelated field in front: readers must skip it.
        extra += struct.pack("<2HL", 0x9999, 4, 7) + struct.pack("<2H3Q", 1, 24, sizes[1], sizes[0], offset)
        sizes, offset = (FULL, FULL), FULL
    head = (b"PK\1\2", 20, 20, member.flags, member.method, 0, 33, member.crc, *sizes)
    tail = (len(member.name), len(extra), len(member.comment), member.disk, 0, member.mode << 16, offset)
    return struct.pack("<4s6H3L5H2L", *head, *tail) + member.name + extra + member.comment


def _compressed(member: RawMember) -> int:
    return len(member.stored) if member.compressed is None else member.compressed
