"""Headers of tar entries as tarfile reads them, in a fifth of the time where they are as nearly all are."""

from __future__ import annotations

import struct
import tarfile
from functools import lru_cache
from typing import Final

from envbuild.archive.tar_header import BLOCK

# Name, mode, owner, group, size, time, checksum, kind, link, magic, names of owner and group, device, prefix
# (POSIX.1-1988, ustar). GNU's own form differs behind the device only, and older ones have nothing there.
_FIELDS: Final = struct.Struct("100s8s8s8s12s12s8sc100s8x32s32s8s8s155s12x")
_SUM: Final = slice(148, 156)
_KINDS: Final = frozenset((tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE))
_BLANK: Final = 8 * 32  # the sum counts its own field as spaces


class FastTarInfo(tarfile.TarInfo):
    """A TarInfo that reads plain headers itself, and leaves all that is rare or wrong to tarfile."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> FastTarInfo:
        """The entry of a header; raises tarfile.HeaderError."""
        return _read_plain(cls(), bytes(buf), encoding, errors) or super().frombuf(buf, encoding, errors)


def _read_plain(entry: FastTarInfo, block: bytes, encoding: str, errors: str) -> FastTarInfo | None:
    """The entry with what a plain header says, None for any other."""
    if len(block) != BLOCK:
        return None
    (name, mode, uid, gid, size, time, stated, kind, link, user, group, major, minor, prefix) = (
        _FIELDS.unpack(block)
    )
    if kind not in _KINDS:
        return None
    try:
        entry.mode, entry.uid, entry.gid = _number(mode), _number(uid), _number(gid)
        entry.size, entry.mtime, entry.chksum = _number(size), _number(time), _number(stated)
        entry.devmajor, entry.devminor = _number(major), _number(minor)
    except ValueError:
        return None
    if entry.chksum != sum(block) - sum(block[_SUM]) + _BLANK:
        return None
    entry.name, entry.linkname = _text(name, encoding, errors), _text(link, encoding, errors)
    entry.uname, entry.gname = _text(user, encoding, errors), _text(group, encoding, errors)
    entry.type = kind
    if kind == tarfile.DIRTYPE:
        entry.name = entry.name.rstrip("/")
    if prefix[0]:
        entry.name = f"{_text(prefix, encoding, errors)}/{entry.name}"
    return entry


@lru_cache(maxsize=512)  # most of them are those of the entry before
def _number(field: bytes) -> int:
    """An octal number; raises ValueError for any other form, of which tarfile may know what it is."""
    digits = field.rstrip(b" \0")
    if digits and not digits.isdigit():  # Python would take signs and more for a number
        raise ValueError(field)
    return int(digits or b"0", 8)


def _text(field: bytes, encoding: str, errors: str) -> str:
    return field.partition(b"\0")[0].decode(encoding, errors)
