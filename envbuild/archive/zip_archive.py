"""Reads the zip of a package member by member, and gives the deflate streams in it as they are.

The directory says what there is. Each local header and data descriptor must agree with it (PKWARE
APPNOTE.TXT, 4.3.7 and 4.3.9), and the members must lie one behind another from the first byte on: whoever
reads the file without its directory then finds the same.
"""

from __future__ import annotations

import stat
import struct
import zlib
from collections.abc import Iterator, Mapping
from typing import BinaryIO, Final, NamedTuple

from envbuild.archive.gzip import crc32, inflate, inflate_pieces
from envbuild.archive.layer import check_path
from envbuild.archive.zip_directory import (
    FULL32,
    Directory,
    Record,
    read_at,
    read_directory,
    refuse_other_name,
    widen,
)
from envbuild.core.errors import ArchiveError
from envbuild.core.pattern import compile_later
from envbuild.core.text import excerpt

STORED, DEFLATED = 0, 8
LARGE: Final = 32 << 20  # above, a file is never whole in memory
MAX_UNPACKED: Final = 32 << 30

_ENCRYPTED, _DESCRIPTOR, _PATCHED, _STRONG, _UTF8, _MASKED = 0x1, 0x8, 0x20, 0x40, 0x800, 0x2000
_LOCAL: Final = struct.Struct("<4s5H3L2H")
# Behind a member, with or without a signature; its sizes take 4 or 8 bytes.
_DESCRIPTORS: Final = {
    struct.calcsize(form): struct.Struct(form) for form in ("<3L", "<4x3L", "<L2Q", "<4xL2Q")
}
_PLACES: Final = frozenset((0, stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK))
_CONTROL: Final = compile_later("[\0-\x1f\x7f-\x9f\u2028\u2029]")
_READ_SIZE: Final = 1 << 18


class Member(NamedTuple):
    """A file in the zip, whose bytes as stored lie at `start`, and the size of its contents in bytes."""

    name: str
    record: Record
    start: int
    size: int

    @property
    def memory(self) -> int:
        """What reading it whole takes: empty blocks make a stream longer than what it holds."""
        return max(self.record.size, self.record.compressed)

    @property
    def carried(self) -> bool:
        """Whether its contents are a deflate stream."""
        return self.record.method == DEFLATED

    @property
    def executable(self) -> bool:
        """Whether it is marked as a regular file that somebody may execute, as pip asks."""
        mode = self.record.mode
        return stat.S_ISREG(mode) and bool(mode & 0o111)


class ZipArchive:
    """The files of a zip by name, in the order in which they lie; folders are left out.

    `file` is seekable and stays the caller's. Every method raises ArchiveError.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.members: Mapping[str, Member] = _name_members(file, read_directory(file))

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
        return read_at(self._file, member.start, member.record.compressed)

    def raw_chunks(self, member: Member) -> Iterator[bytes]:
        """`read_raw` in chunks."""
        return _read_chunks(self._file, member)

    def open_raw(self, member: Member) -> BinaryIO:
        """The zip's file, placed at the first byte as stored."""
        self._file.seek(member.start)
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


def _read_chunks(file: BinaryIO, member: Member) -> Iterator[bytes]:
    at, left = member.start, member.record.compressed
    while left:
        chunk = read_at(file, at, min(left, _READ_SIZE))
        at, left = at + len(chunk), left - len(chunk)
        yield chunk


def _name_members(file: BinaryIO, directory: Directory) -> dict[str, Member]:
    """The files by name, in the order of their offsets."""
    by_offset = sorted(directory.records, key=lambda record: record.offset)
    offsets = [*(record.offset for record in by_offset), directory.offset]
    if offsets[0] != 0:
        raise ArchiveError("the zip does not begin with its first member")
    members: dict[str, Member] = {}
    total = 0
    for record, end in zip(by_offset, offsets[1:], strict=True):
        name = _check_record(record)
        member = Member(name, record, _locate(file, record, end), record.size)
        if not name.endswith("/"):
            first = members.setdefault(name, member)
            if first is not member:
                _refuse_other(file, first, member)
            total += record.size
    if total > MAX_UNPACKED:
        raise ArchiveError(f"the zip unpacks to {total} bytes, more than the {MAX_UNPACKED} allowed")
    return members


def _locate(file: BinaryIO, record: Record, end: int) -> int:
    """The offset of the stored bytes, from the local header; all of the member lies before `end`."""
    name_size = len(record.name)
    behind = record.offset + _LOCAL.size + name_size
    if behind > end:
        raise ArchiveError(f"`{excerpt(record.name)}` overlaps what follows it in the zip")
    header = read_at(file, record.offset, behind - record.offset)
    magic, _, flags, method, _, _, crc, compressed, size, named, extra_size = _LOCAL.unpack_from(header)
    extra = b""
    if extra_size:
        extra = read_at(file, behind, extra_size)
        refuse_other_name(extra, record.name)
    if (
        magic != b"PK\3\4"
        or method != record.method
        or named != name_size
        or not header.endswith(record.name)
        or (flags ^ record.flags) & (_ENCRYPTED | _UTF8)
        or not _agrees((crc, compressed, size), record, extra, deferred=bool(flags & _DESCRIPTOR))
    ):
        raise ArchiveError(f"`{excerpt(record.name)}` has a local header that contradicts the zip directory")
    start: int = behind + extra_size
    if start + record.compressed != end:
        _check_end(file, record, start + record.compressed, end, described=bool(flags & _DESCRIPTOR))
    return start


def _agrees(stated: tuple[int, int, int], record: Record, extra: bytes, *, deferred: bool) -> bool:
    """Whether a local header's CRC and sizes are the directory's, in itself or in its zip64 field.

    `deferred` are those that a descriptor tells: the header may have 0 in their place.
    """
    known = (record.crc, record.compressed, record.size)
    if deferred:
        return all(a in (0, FULL32, b) for a, b in zip(stated, known, strict=True))
    crc, compressed, size = stated
    if FULL32 in (compressed, size):
        size, compressed = widen(extra, size, compressed)
    return (crc, compressed, size) == known


def _check_end(file: BinaryIO, record: Record, at: int, end: int, *, described: bool) -> None:
    """Nothing but the member's own descriptor lies between its last byte and what follows it."""
    if at > end:
        raise ArchiveError(f"`{excerpt(record.name)}` overlaps what follows it in the zip")
    form = _DESCRIPTORS.get(end - at) if described else None
    if form is None:
        raise ArchiveError(f"`{excerpt(record.name)}` is followed by bytes that are not its own")
    if form.unpack(read_at(file, at, end - at)) != (record.crc, record.compressed, record.size):
        raise ArchiveError(
            f"`{excerpt(record.name)}` has a data descriptor that contradicts the zip directory"
        )


def _refuse_other(file: BinaryIO, first: Member, second: Member) -> None:
    """Of two members of one name readers take either: they must be the same to the bit."""
    one, other = first.record, second.record
    same = (one.method, one.mode, one.compressed, one.size, one.crc) == (
        other.method, other.mode, other.compressed, other.size, other.crc
    )  # fmt: skip
    if not same or any(map(bytes.__ne__, _read_chunks(file, first), _read_chunks(file, second))):
        raise ArchiveError(f"`{second.name}` is in the zip twice, with different contents")


def _check_record(record: Record) -> str:
    """The member's name; raises ArchiveError for what this reader cannot or will not read."""
    name = _decode_name(record)
    check_path(name.removesuffix("/"))
    if "\\" in name:
        raise ArchiveError(f"`{name}` has a backslash in its name, which means other paths on other systems")
    if not name.isprintable() and _CONTROL.search(name):
        raise ArchiveError(
            f"`{excerpt(name)}` has a control character in its name, so that no `RECORD` can list it"
        )
    if record.flags & (_ENCRYPTED | _STRONG | _MASKED):
        raise ArchiveError(f"`{name}` is encrypted")
    if record.flags & _PATCHED:
        raise ArchiveError(f"`{name}` holds a patch instead of contents")
    if stat.S_IFMT(record.mode) not in _PLACES:
        raise ArchiveError(f"`{name}` is neither a file nor a folder nor a link")
    if name.endswith("/") and record.size:
        raise ArchiveError(f"`{name}` is a folder with contents")
    if record.method not in (STORED, DEFLATED):
        raise ArchiveError(
            f"`{name}` is compressed by the zip method {record.method}, and only 0 and 8 are read",
            hint="pack it again with deflate",
        )
    if record.method == STORED and record.size != record.compressed:
        raise ArchiveError(f"`{name}` is stored with two different sizes")
    return name


def _decode_name(record: Record) -> str:
    name = record.name
    if name.isascii():  # the same in both codes, and read in a tenth of the time
        return name.decode("ascii")
    try:
        return name.decode("utf-8" if record.flags & _UTF8 else "cp437")
    except UnicodeDecodeError:
        raise ArchiveError(f"`{excerpt(name)}` is marked as UTF-8 and is not") from None
