"""The central directory of a zip (PKWARE APPNOTE.TXT, 4.3.12 to 4.3.16; 4.5.3 for zip64).

Two readers of one zip may see two archives where its parts contradict each other. So this one takes
only what has one meaning: one directory, which ends right where the end records begin, in one file;
fields that tell one thing twice and agree.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import BinaryIO, Final, NamedTuple

from envbuild.core.dataclass import dataclass
from envbuild.core.errors import ArchiveError
from envbuild.core.text import excerpt

_RECORD: Final = struct.Struct("<4s6H3L5H2L")
_END: Final = struct.Struct("<4s4H2LH")
_LOCATOR: Final = struct.Struct("<4sLQL")
_END64: Final = struct.Struct("<4sQ2H2L4Q")
_EXTRA: Final = struct.Struct("<2H")
_LONG: Final = struct.Struct("<Q")
FULL32: Final = 0xFFFFFFFF  # stands for a number that the zip64 field holds
_FULL16: Final = 0xFFFF
_ZIP64, _UNICODE_PATH = 1, 0x7075
_MAX_COMMENT: Final = 0xFFFF
MAX_RECORDS: Final = 1_000_000


class Record(NamedTuple):
    """What the directory says of a member: sizes in bytes, `offset` of the local header, Unix `mode`.

    A tuple, as there are ten thousands of them.
    """

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
    if count > MAX_RECORDS:
        raise ArchiveError(f"the zip directory holds more than {MAX_RECORDS} records")
    data = read_at(file, offset, size)
    records = tuple(islice(_records(data), count + 1))
    if len(records) != count:
        raise ArchiveError(f"the zip directory does not hold the {count} records that it should hold")
    return Directory(records, offset)


def read_at(file: BinaryIO, offset: int, size: int) -> bytes:
    """Exactly `size` bytes from `offset`; raises ArchiveError where the file ends before."""
    file.seek(offset)
    data = file.read(size)
    if len(data) != size:
        raise ArchiveError("the zip ends early")
    return data


def find_field(extra: bytes, wanted: int) -> bytes | None:
    """The first extra field of a kind (4.5.1), None where there is no whole one."""
    at = 0
    while at + _EXTRA.size <= len(extra):
        kind, size = _EXTRA.unpack_from(extra, at)
        at += _EXTRA.size
        if kind == wanted and at + size <= len(extra):
            return extra[at : at + size]
        at += size
    return None


def refuse_other_name(extra: bytes, name: bytes) -> None:
    """Refuse an Info-ZIP Unicode Path field (4.6.9) that gives another name: some readers go by it."""
    field = find_field(extra, _UNICODE_PATH)
    if field is not None and field[5:] != name:
        raise ArchiveError(
            f"`{excerpt(name)}` has another name, `{excerpt(field[5:])}`, in a field of the zip"
        )


def _read_end(file: BinaryIO) -> tuple[int, int, int]:
    """Count, size and offset of the directory."""
    length = file.seek(0, 2)
    start = max(0, length - _END.size - _MAX_COMMENT)
    tail = read_at(file, start, length - start)
    at = tail.rfind(b"PK\5\6")
    if at < 0 or at + _END.size > len(tail) or at + _END.size + _END.unpack_from(tail, at)[7] != len(tail):
        raise ArchiveError("no end of a zip directory is there: the file is no zip or is truncated")
    _, disk, first_disk, here, count, size, offset, _ = _END.unpack_from(tail, at)
    end = start + at
    stated = (disk, first_disk, here, count, size, offset)
    if _FULL16 in (here, count) or FULL32 in (size, offset):
        *numbers, end = _read_end64(file, end)
        _refuse_other_numbers(stated, numbers)
        disk, first_disk, here, count, size, offset = numbers
    elif end >= _LOCATOR.size and read_at(file, end - _LOCATOR.size, 4) == b"PK\6\7":
        # Hidden in the last record: some readers follow a locator wherever they see one.
        raise ArchiveError("the zip has a zip64 end record that its end record does not need")
    if disk or first_disk or here != count:
        raise ArchiveError("the zip is split over several files")
    if offset + size != end:
        raise ArchiveError("the zip directory does not lie right before its end record")
    return count, size, offset


def _read_end64(file: BinaryIO, end: int) -> tuple[int, int, int, int, int, int, int]:
    locator_at = end - _LOCATOR.size
    at = locator_at - _END64.size
    if at < 0:
        raise ArchiveError("the zip64 end locator is missing")
    locator, disk, stated_at, disks = _LOCATOR.unpack(read_at(file, locator_at, _LOCATOR.size))
    if locator != b"PK\6\7":
        raise ArchiveError("the zip64 end locator is missing")
    magic, length, _, _, *numbers = _END64.unpack(read_at(file, at, _END64.size))
    # Some readers go by the offset, others take the record right before the locator: it is to be one.
    if magic != b"PK\6\6" or stated_at != at or length != _END64.size - 12:
        raise ArchiveError("the zip64 end record is missing or does not lie right before its locator")
    if disk or disks > 1:
        raise ArchiveError("the zip is split over several files")
    first, second, here, count, size, offset = numbers
    return first, second, here, count, size, offset, at


def _refuse_other_numbers(short: Sequence[int], long: Sequence[int]) -> None:
    """Each number of the end record is the zip64 one's, or as large as its field."""
    for number, full, other in zip(short, (*[_FULL16] * 4, *[FULL32] * 2), long, strict=True):
        if number not in (full, other):
            raise ArchiveError("the zip's two end records contradict each other")


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
        if extra:
            refuse_other_name(extra, name)
        if FULL32 in (size, compressed, offset):
            size, compressed, offset = widen(extra, size, compressed, offset)
        yield Record(name, flags, method, crc, compressed, size, attributes >> 16, offset)


def widen(extra: bytes, *values: int) -> Iterator[int]:
    """Each value, or what the zip64 field has in its place; the field holds only those that need it."""
    field = find_field(extra, _ZIP64) or b""
    at = 0
    for value in values:
        if value != FULL32:
            yield value
            continue
        if at + _LONG.size > len(field):
            raise ArchiveError("the zip holds a broken zip64 field")
        yield _LONG.unpack_from(field, at)[0]
        at += _LONG.size
