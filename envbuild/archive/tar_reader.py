"""Reading the tar of an untrusted archive: what tarfile lets pass in silence is refused here."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator, Mapping, Sequence
from typing import BinaryIO, Final, cast

from envbuild.archive.decompress import PIECE, ForwardReader, Source
from envbuild.archive.layer import MAX_ENTRIES
from envbuild.archive.tar_entry import FastTarInfo
from envbuild.archive.tar_header import ATTRIBUTE, BLOCK, CAPABILITY, NO_ATTRIBUTES
from envbuild.core.errors import ArchiveError
from envbuild.core.pattern import compile_later
from envbuild.core.text import excerpt

MAX_HEADERS: Final = 1 << 16  # of one entry: two paths, and room for attributes
_MAX_ID: Final = (1 << 32) - 2  # of users and groups: the last number means "none" (chown(2))
PLAIN_KINDS: Final = (
    *(tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.DIRTYPE),
    *(tarfile.SYMTYPE, tarfile.LNKTYPE),
)
# What layers of root file systems may hold besides.
EVERY_KIND: Final = (*PLAIN_KINDS, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE)
# `git archive` names its commit so. Other headers for all entries are heeded by some readers only.
_GLOBAL: Final = frozenset(("comment",))
_MAX_TIME: Final = 1 << 33  # seconds, into the year 2242; before 1970, as many
_END: Final = bytes(BLOCK)
_LONG_NUMBER: Final = compile_later(rb"[0-9]{256}")  # no name may be as long


def read_tar(
    archive: ForwardReader, kinds: Sequence[bytes] = PLAIN_KINDS, *, any_time: bool = False
) -> Iterator[tuple[tarfile.TarInfo, Source]]:
    """The entries in order, each with its contents, which must be read before the next entry is asked for.

    Raises ArchiveError for an entry of another kind, and for an archive that is cut off. `any_time` is for
    who makes no use of times: a program may state absurd ones.
    """
    headers = _Headers(archive)
    try:
        with tarfile.TarFile(
            fileobj=cast(BinaryIO, headers), tarinfo=FastTarInfo, encoding="utf-8", errors="surrogateescape"
        ) as tar:
            for count, entry in enumerate(iter(tar.next, None)):
                if not tar.pax_headers.keys() <= _GLOBAL:
                    raise ArchiveError("a tar archive has a header for all that follows")
                _refuse(entry, count, kinds)
                if not any_time:
                    _refuse_time(entry)
                yield entry, _Contents(archive, entry)
                tar.members.clear()  # type: ignore[attr-defined]  # it keeps them all
                headers.left = MAX_HEADERS
    except (tarfile.TarError, ValueError, EOFError) as error:
        raise ArchiveError(f"a tar archive is broken: {error}") from error
    # tarfile takes a damaged header for the end of the archive.
    if headers.last != _END:
        raise ArchiveError("a tar archive is cut off or has a damaged header")
    # Reading on to the end lets the compressed stream be checked as a whole.
    rest = archive.read(PIECE)
    if len(rest) == PIECE or any(rest):
        raise ArchiveError("a tar archive is followed by bytes that are not its own")


def read_whole(contents: Source, size: int) -> bytes:
    """All `size` bytes of an entry, which may be more than one read gives."""
    pieces = []
    while size:
        piece = contents.read(min(size, PIECE))
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)


def read_capability(entry: tarfile.TarInfo) -> Mapping[str, bytes]:
    """The file capabilities of an entry, as an extended attribute: BuildKit's layers have no other."""
    value = entry.pax_headers.get(ATTRIBUTE + CAPABILITY)
    return NO_ATTRIBUTES if value is None else {CAPABILITY: value.encode("utf-8", "surrogateescape")}


def _refuse(entry: tarfile.TarInfo, count: int, kinds: Sequence[bytes]) -> None:
    if count >= MAX_ENTRIES:
        raise ArchiveError(f"an archive has more than {MAX_ENTRIES} entries")
    if entry.type not in kinds or entry.issparse():
        raise ArchiveError(f"`{excerpt(entry.name)}` is neither a file nor a folder nor a link")
    if "\0" in "".join((entry.name, entry.linkname, *entry.pax_headers)):
        raise ArchiveError(f"`{excerpt(entry.name)}` has a NUL in its name, its target or an attribute")
    if entry.size < 0 or (entry.size and not entry.isreg()):
        # Some readers skip as many bytes and others take them for the next header.
        raise ArchiveError(
            f"`{excerpt(entry.name)}` states {entry.size} bytes of contents and cannot have them"
        )
    if not (0 <= entry.uid <= _MAX_ID and 0 <= entry.gid <= _MAX_ID):
        raise ArchiveError(f"`{excerpt(entry.name)}` has an owner that cannot be")


def _refuse_time(entry: tarfile.TarInfo) -> None:
    if not -_MAX_TIME < entry.mtime < _MAX_TIME:  # which no comparison with "nan" is
        raise ArchiveError(f"`{excerpt(entry.name)}` has a time that cannot be")


class _Headers:
    """Passes on tarfile's reads, which are all of headers, and remembers what the last one gave.

    For one entry tarfile would read any number of them, each as long as it says, and sparse maps; and
    some releases take a time for numbers that grows with the square of their length (CVE-2024-6232).
    """

    def __init__(self, archive: ForwardReader) -> None:
        self._archive = archive
        self.last = b""
        self.left = MAX_HEADERS
        self.tell = archive.tell
        self.seek = archive.seek

    def read(self, size: int, /) -> bytes:
        self.left -= size
        if not 0 <= size <= MAX_HEADERS or self.left < 0:
            raise ArchiveError(f"an archive has an entry whose headers take more than {MAX_HEADERS} bytes")
        self.last = self._archive.read(size)
        if size > BLOCK and _LONG_NUMBER.search(self.last):
            raise ArchiveError("a tar archive holds a number of absurd length in a header")
        return self.last


class _Contents:
    """The contents of one entry."""

    def __init__(self, archive: ForwardReader, entry: tarfile.TarInfo) -> None:
        self._archive = archive
        self._end = entry.offset_data + (entry.size if entry.isreg() else 0)
        self._name = entry.name
        archive.seek(entry.offset_data)

    def read(self, size: int, /) -> bytes:
        wanted = min(size, self._end - self._archive.tell())
        data = self._archive.read(wanted)
        if len(data) != wanted:
            raise ArchiveError(f"`{excerpt(self._name)}` ends early")
        return data
