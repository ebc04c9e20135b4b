"""The central directory of a zip (PKWARE APPNOTE.TXT, 4.3.12 to 4.3.16; 4.5.3 for zip64).

Two readers of one zip may see two archives where its parts contradict each other. So this one takes
only what has one meaning: one directory, which ends right where the end records begin, in one file.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

from envbuild.core.errors import ArchiveError

_RECORD: Final = struct.Struct("<4s6H3L5H2L")
_END: Final = struct.Struct("<4s4H2LH")
_LOCATOR: Final = struct.Struct("<4sLQL")
_END64: Final = struct.Struct("<4sQ2H2L4Q")
_EXTRA: Final = struct.Struct("<2H")
_LONG: Final = struct.Struct("<Q")
_FULL16, _FULL32 = 0xFFFF, 0xFFFFFFFF
_ZIP64: Final = 1
_MAX_COMMENT: Final = 0xFFFF


@dataclass(frozen=True, slots=True)
class Record:
    """What the directory says of a member: sizes in bytes, `offset` of the local header, Unix `mode`."""

    name: bytes
    flags: int
    method: int
    crc: int
    compressed: int
    size: int
    mode: int
    offset: int


@dataclass(frozen=True, slots=True)
class Directory:
    """A zip's directory: its records in their order, and the offset that ends the members."""

    records: tuple[Record, ...]
    offset: int


def read_directory(file: BinaryIO) -> Directory:
    """Read the central directory of a seekable file; raises ArchiveError."""
    count, size, offset = _read_end(file)
    data = read_at(file, offset, size)
    records = tuple(_records(data))
    if len(records) != count:
        raise ArchiveError(f"the zip directory holds {len(records)} records and should hold {count}")
    return Directory(records, offset)


def read_at(file: BinaryIO, offset: int, size: int) -> bytes:
    """Exactly `size` bytes from `offset`; raises ArchiveError where the file ends before."""
    file.seek(offset)
    data = file.read(size)
    if len(data) != size:
        raise ArchiveError("the zip ends early")
    return data


def _read_end(file: BinaryIO) -> tuple[int, int, int]:
    """Count, size and offset of the directory."""
    length = file.seek(0, 2)
    start = max(0, length - _END.size - _MAX_COMMENT)
    tail = read_at(file, start, length - start)
    at = tail.rfind(b"PK\5\6")
    while at >= 0:
        if at + _END.size <= len(tail) and at + _END.size + _END.unpack_from(tail, at)[7] == len(tail):
            break
        at = tail.rfind(b"PK\5\6", 0, at)
    else:
        raise ArchiveError("no end of a zip directory is there: the file is no wheel or is truncated")
    _, disk, first_disk, here, count, size, offset, _ = _END.unpack_from(tail, at)
    end = start + at
    if _FULL16 in (here, count) or _FULL32 in (size, offset):
        disk, first_disk, here, count, size, offset, end = _read_end64(file, end)
    if disk or first_disk or here != count:
        raise ArchiveError("the zip is split over several files")
    if offset + size != end:
        raise ArchiveError("the zip directory does not lie right before its end record")
    return count, size, offset


def _read_end64(file: BinaryIO, end: int) -> tuple[int, int, int, int, int, int, int]:
    locator = _LOCATOR.unpack(read_at(file, max(0, end - _LOCATOR.size), _LOCATOR.size))
    if locator[0] != b"PK\6\7":
        raise ArchiveError("the zip64 end locator is missing")
    at = locator[2]
    if at + _END64.size > end:
        raise ArchiveError("the zip64 end record is missing")
    magic, _, _, _, disk, first_disk, here, count, size, offset = _END64.unpack(
        read_at(file, at, _END64.size)
    )
    if magic != b"PK\6\6":
        raise ArchiveError("the zip64 end record is missing")
    return disk, first_disk, here, count, size, offset, at


def _records(data: bytes) -> Iterator[Record]:
    at = 0
    while at < len(data):
        if at + _RECORD.size > len(data):
            raise ArchiveError("the zip directory ends early")
        (magic, _, _, flags, method, _, _, crc, compressed, size, name_size, extra_size, comment_size,
         disk, _, attributes, offset) = _RECORD.unpack_from(data, at)  # fmt: skip
        at += _RECORD.size
        name, extra = data[at : at + name_size], data[at + name_size : at + name_size + extra_size]
        at += name_size + extra_size + comment_size
        if magic != b"PK\1\2" or at > len(data) or disk not in (0, _FULL16):
            raise ArchiveError("the zip directory holds a broken record")
        if _FULL32 in (size, compressed, offset):
            size, compressed, offset = _widen(extra, size, compressed, offset)
        yield Record(name, flags, method, crc, compressed, size, attributes >> 16, offset)


def _widen(extra: bytes, *values: int) -> Iterator[int]:
    """Each value, or what the zip64 field has in its place; the field holds only those that need it."""
    field = _zip64_field(extra)
    at = 0
    for value in values:
        if value != _FULL32:
            yield value
            continue
        if at + _LONG.size > len(field):
            raise ArchiveError("the zip directory holds a broken zip64 field")
        yield _LONG.unpack_from(field, at)[0]
        at += _LONG.size


def _zip64_field(extra: bytes) -> bytes:
    at = 0
    while at + _EXTRA.size <= len(extra):
        kind, size = _EXTRA.unpack_from(extra, at)
        at += _EXTRA.size
        if kind == _ZIP64:
            return extra[at : at + size]
        at += size
    return b""
