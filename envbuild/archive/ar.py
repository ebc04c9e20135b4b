"""The outer format of a .deb: an ar archive (deb(5), in the common format of ar(5))."""

from __future__ import annotations

from typing import BinaryIO, Final

from envbuild.core.dataclass import dataclass
from envbuild.core.errors import ArchiveError

_MAGIC: Final = b"!<arch>\n"
_HEADER_SIZE: Final = 60
_MAX_MEMBERS: Final = 64


@dataclass(frozen=True, slots=True)
class Member:
    """A member's name, and where in the file its bytes lie."""

    name: str
    offset: int
    size: int


def list_members(file: BinaryIO) -> tuple[Member, ...]:
    """The members of an ar archive, in order; raises ArchiveError."""
    end = file.seek(0, 2)
    file.seek(0)
    if file.read(len(_MAGIC)) != _MAGIC:
        raise ArchiveError("this is no Debian package: it does not begin as an ar archive")
    members: list[Member] = []
    at = len(_MAGIC)
    while at < end:
        member = _read_header(file, at)
        at = member.offset + member.size
        if at > end or len(members) == _MAX_MEMBERS:
            raise ArchiveError("a Debian package ends early or has too many members")
        at += at % 2  # members begin at even offsets
        members.append(member)
    return tuple(members)


def _read_header(file: BinaryIO, at: int) -> Member:
    file.seek(at)
    header = file.read(_HEADER_SIZE)
    digits = header[48:58].rstrip(b" ")
    if len(header) != _HEADER_SIZE or header[58:] != b"`\n" or not digits.isdigit():
        raise ArchiveError("a Debian package has a malformed member header")
    name = header[:16].decode("ascii", "replace").rstrip(" ").removesuffix("/")
    return Member(name, at + _HEADER_SIZE, int(digits))
