"""Reads a wheel's zip member by member, and gives the deflate streams in it as they are.

The directory says what there is; each local header must agree with it (PKWARE APPNOTE.TXT, 4.3.7).
"""

from __future__ import annotations

import stat
import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Final

from envbuild.archive.gzip import crc32, inflate, inflate_pieces
from envbuild.archive.layer import check_path
from envbuild.archive.zip_directory import Record, read_at, read_directory
from envbuild.core.errors import ArchiveError

STORED, DEFLATED = 0, 8
MAX_UNPACKED: Final = 32 << 30

_ENCRYPTED, _DESCRIPTOR, _UTF8, _MASKED = 0x1, 0x8, 0x800, 0x2000
_LOCAL: Final = struct.Struct("<4s5H3L2H")
_FULL32: Final = 0xFFFFFFFF
_READ_SIZE: Final = 1 << 18


@dataclass(frozen=True, slots=True)
class Member:
    """A file in the zip; nothing of it lies at or behind `end`."""

    name: str
    record: Record
    end: int

    @property
    def size(self) -> int:
        """The size of its contents in bytes."""
        return self.record.size

    @property
    def carried(self) -> bool:
        """Whether its contents are a deflate stream."""
        return self.record.method == DEFLATED

    @property
    def executable(self) -> bool:
        """Whether it is marked as a regular file that somebody may execute, as pip asks."""
        mode = self.record.mode
        return stat.S_ISREG(mode) and bool(mode & 0o111)


class WheelZip:
    """The files of a wheel by name, in the order of the directory; folders are left out.

    `file` is seekable and stays the caller's. Every method raises ArchiveError.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        directory = read_directory(file)
        self.members: Mapping[str, Member] = _name_members(directory.records, directory.offset)

    def read(self, member: Member) -> bytes:
        """The contents, checked against their size and CRC."""
        data = self.read_raw(member)
        if member.carried:
            return inflate(data, size=member.size, crc=member.record.crc)
        if crc32(data) != member.record.crc:
            raise ArchiveError(f"`{member.name}` does not have the CRC stated for it")
        return data

    def read_raw(self, member: Member) -> bytes:
        """The bytes as stored: a raw deflate stream, or the contents, unchecked."""
        return read_at(self._file, self._locate(member), member.record.compressed)

    def raw_chunks(self, member: Member) -> Iterator[bytes]:
        """`read_raw` in chunks."""
        at, left = self._locate(member), member.record.compressed
        while left:
            chunk = read_at(self._file, at, min(left, _READ_SIZE))
            at, left = at + len(chunk), left - len(chunk)
            yield chunk

    def open_raw(self, member: Member) -> BinaryIO:
        """The zip's file, placed at the first byte as stored."""
        self._file.seek(self._locate(member))
        return self._file

    def starts_with(self, member: Member, text: bytes) -> bool:
        """Whether the contents begin with `text`: a look that checks no CRC."""
        seen = b""
        for piece in self._unchecked(member):
            seen += piece
            if len(seen) >= len(text):
                break
        return seen.startswith(text)

    def _unchecked(self, member: Member) -> Iterator[bytes]:
        if not member.carried:
            yield from self.raw_chunks(member)
            return
        inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        for chunk in self.raw_chunks(member):
            yield from inflate_pieces(inflater, chunk)

    def _locate(self, member: Member) -> int:
        """The offset of the stored bytes, from the local header."""
        record = member.record
        name_size = len(record.name)
        header = read_at(self._file, record.offset, _LOCAL.size + name_size)
        fields: list[int]
        magic, *fields = _LOCAL.unpack_from(header)
        _, flags, method, _, _, crc, compressed, size, named, extra = fields
        stated, known = (crc, compressed, size), (record.crc, record.compressed, record.size)
        if (
            magic != b"PK\3\4"
            or (method, header[_LOCAL.size :], named) != (record.method, record.name, name_size)
            or (flags ^ record.flags) & (_ENCRYPTED | _UTF8)
            or not (stated == known or flags & _DESCRIPTOR or _is_deferred(stated, known))
        ):
            raise ArchiveError(f"`{member.name}` has a local header that contradicts the zip directory")
        start = record.offset + _LOCAL.size + named + extra
        if start + record.compressed > member.end:
            raise ArchiveError(f"`{member.name}` overlaps what follows it in the zip")
        return start


def _is_deferred(stated: tuple[int, int, int], known: tuple[int, int, int]) -> bool:
    """Whether a local header's numbers are the directory's, or left to its zip64 field."""
    return all(a in (b, _FULL32) for a, b in zip(stated, known, strict=True))


def _name_members(records: Sequence[Record], end: int) -> dict[str, Member]:
    """The files by name; of two equal ones the last, as other readers have it."""
    by_offset = sorted(records, key=lambda record: record.offset)
    ends = [*(record.offset for record in by_offset[1:]), end]
    members: dict[str, Member] = {}
    total = 0
    for record, following in zip(by_offset, ends, strict=True):
        name = _check_record(record)
        if not name.endswith("/"):
            member = Member(name, record, following)
            _refuse_other(members.get(name), member)
            members[name] = member
            total += record.size
    if total > MAX_UNPACKED:
        raise ArchiveError(f"the wheel unpacks to {total} bytes, more than the {MAX_UNPACKED} allowed")
    return members


def _refuse_other(first: Member | None, second: Member) -> None:
    if first and (first.size, first.record.crc) != (second.size, second.record.crc):
        raise ArchiveError(f"`{second.name}` is in the wheel twice, with different contents")


def _check_record(record: Record) -> str:
    """The member's name; raises ArchiveError for what this reader cannot or will not read."""
    try:
        name = record.name.decode("utf-8" if record.flags & _UTF8 else "cp437")
    except UnicodeDecodeError:
        raise ArchiveError(f"`{record.name!a}` is marked as UTF-8 and is not") from None
    check_path(name.removesuffix("/"))
    if "\\" in name:
        raise ArchiveError(f"`{name}` has a backslash in its name, which means other paths on other systems")
    if record.flags & (_ENCRYPTED | _MASKED):
        raise ArchiveError(f"`{name}` is encrypted")
    if record.method not in (STORED, DEFLATED):
        raise ArchiveError(
            f"`{name}` is compressed by the zip method {record.method}, and wheels use only 0 and 8",
            hint="rebuild the wheel with deflate",
        )
    if record.method == STORED and record.size != record.compressed:
        raise ArchiveError(f"`{name}` is stored with two different sizes")
    return name
