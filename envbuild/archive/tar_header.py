"""Headers of tar entries: ustar (POSIX.1-1988), and PAX records (POSIX.1-2001) only where needed."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Final
from zlib import adler32

from envbuild.core.errors import ArchiveError
from envbuild.core.text import excerpt

BLOCK: Final = 512
FILE, HARDLINK, SYMLINK, DIRECTORY, FIFO, _EXTENDED = b"0", b"1", b"2", b"5", b"6", b"x"
ATTRIBUTE: Final = "SCHILY.xattr."  # a PAX record for each extended attribute (OCI image spec, layer.md)
CAPABILITY: Final = "security.capability"  # the one attribute that layers of steps and copies have
NO_ATTRIBUTES: Final[Mapping[str, bytes]] = {}

_MAX_ID: Final = 0o7777777
_MAX_SIZE: Final = 0o77777777777
_NAME_SIZE: Final = 100
_PREFIX_SIZE: Final = 155
_ELSEWHERE: Final = b"././@PaxHeader"  # stands where the name is in the extended header
# What is the same in each header: the magic, no user and group names, device 0 in both numbers.
_SAME: Final = b"ustar\x0000" + bytes(64) + b"0000000\0" * 2
_BLANK_SUM: Final = 8 * 32 + sum(_SAME)  # the checksum's own field counts as eight spaces
_NO_LINK: Final = bytes(_NAME_SIZE)
_NO_PREFIX: Final = bytes(_PREFIX_SIZE + 12)


def encode_header(
    path: str,
    kind: bytes,
    mode: int,
    mtime: int,
    *,
    owner: tuple[int, int] = (0, 0),
    size: int = 0,
    target: str = "",
    attributes: Mapping[str, bytes] = NO_ATTRIBUTES,
) -> bytes:
    """The blocks before an entry's contents; raises ArchiveError for a name that no tar can hold."""
    records: dict[str, str | bytes] = {}
    name, prefix = _split_name(path)
    if not name:
        records["path"], name = path, _ELSEWHERE
    link = b""
    if target:
        link = _ascii(target)
        if not 0 < len(link) <= _NAME_SIZE:
            records["linkpath"], link = target, _ELSEWHERE
    uid, gid = owner
    if max(uid, gid) > _MAX_ID:
        records["uid"], records["gid"], uid, gid = str(uid), str(gid), 0, 0
    stated = size
    if size > _MAX_SIZE:
        records["size"], stated = str(size), 0
    if attributes:
        records |= {f"{ATTRIBUTE}{name}": value for name, value in sorted(attributes.items())}
    header = _encode_block(name, prefix, stated, _frame(kind, mode, uid, gid, mtime), link)
    return _encode_records(records, mtime) + header if records else header


def padding(size: int) -> bytes:
    """The zeros behind contents of `size` bytes, up to the next block."""
    return bytes(-size % BLOCK)


def _encode_block(
    name: bytes, prefix: bytes, size: int, frame: tuple[bytes, bytes, bytes, int], link: bytes = b""
) -> bytes:
    before, after, kind, known = frame
    digits = b"%011o" % size
    return b"".join(
        (
            name.ljust(_NAME_SIZE, b"\0"),
            before,
            digits,
            after,
            b"%06o\0 " % (known + _sum(name) + _sum(digits) + (_sum(prefix + link) if prefix or link else 0)),
            kind,
            link.ljust(_NAME_SIZE, b"\0") if link else _NO_LINK,
            _SAME,
            prefix.ljust(_PREFIX_SIZE + 12, b"\0") if prefix else _NO_PREFIX,
        )
    )


def _sum(data: bytes) -> int:
    """The sum of at most 256 bytes: the lower half of an Adler-32 is that and 1 (RFC 1950, section 8.2)."""
    return (adler32(data) & 0xFFFF) - 1


@lru_cache(maxsize=256)
def _frame(kind: bytes, mode: int, uid: int, gid: int, mtime: int) -> tuple[bytes, bytes, bytes, int]:
    """What headers of a layer share: the numbers around the size, the kind, and their part of the sum."""
    before, after = b"%07o\0%07o\0%07o\0" % (mode, uid, gid), b"\0%011o\0" % mtime
    return before, after, kind, _BLANK_SUM + sum(before) + sum(after) + kind[0]


def _split_name(path: str) -> tuple[bytes, bytes]:
    """The name and prefix fields, split at a slash where one field is too short; ("", "") if neither fits."""
    name = _ascii(path)
    if len(name) <= _NAME_SIZE:
        return name, b""
    at = name.find(b"/", len(name) - _NAME_SIZE - 1)
    if not 0 < at <= _PREFIX_SIZE or at == len(name) - 1:
        return b"", b""
    return name[at + 1 :], name[:at]


def _ascii(text: str) -> bytes:
    """The bytes of an ASCII text, nothing for any other."""
    return text.encode() if text.isascii() else b""


def _encode_records(records: Mapping[str, str | bytes], mtime: int) -> bytes:
    data = b"".join(_encode_record(key, value) for key, value in records.items())
    header = _encode_block(_ELSEWHERE, b"", len(data), _frame(_EXTENDED, 0o644, 0, 0, mtime))
    return header + data + padding(len(data))


def _encode_record(key: str, value: str | bytes) -> bytes:
    """A record with its length in front, which counts its own digits (POSIX pax, "Extended Header")."""
    try:
        encoded = value if isinstance(value, bytes) else value.encode()
        body = b" %b=%b\n" % (key.encode(), encoded)
    except UnicodeEncodeError:
        raise ArchiveError(f"`{excerpt(value)}` is not Unicode text: no layer can name it") from None
    length = len(body) + len(str(len(body)))
    if len(str(length)) > len(str(len(body))):
        length += 1
    return b"%d%b" % (length, body)
