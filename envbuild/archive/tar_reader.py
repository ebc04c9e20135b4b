"""Reading the tar of an untrusted archive: what tarfile lets pass in silence is refused here."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from typing import BinaryIO, Final, cast

from envbuild.archive.decompress import PIECE, ForwardReader, Source
from envbuild.archive.tar_header import BLOCK
from envbuild.core.errors import ArchiveError

_MAX_ENTRIES: Final = 1_000_000
_SUPPORTED: Final = (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE)
_END: Final = bytes(BLOCK)


def read_tar(archive: ForwardReader) -> Iterator[tuple[tarfile.TarInfo, Source]]:
    """The entries in order, each with its contents, which must be read before the next entry is asked for.

    Raises ArchiveError for anything but files, folders and links, and for an archive that is cut off.
    """
    blocks = _LastBlock(archive)
    try:
        with tarfile.TarFile(
            fileobj=cast(BinaryIO, blocks), encoding="utf-8", errors="surrogateescape"
        ) as tar:
            for count, entry in enumerate(tar):
                _refuse(entry, count)
                yield entry, _Contents(archive, entry)
    except (tarfile.TarError, ValueError, EOFError) as error:
        raise ArchiveError(f"a tar archive is broken: {error}") from error
    # tarfile takes a damaged header for the end of the archive.
    if blocks.last != _END:
        raise ArchiveError("a tar archive is cut off or has a damaged header")
    # Reading on to the end lets the compressed stream be checked as a whole.
    rest = archive.read(PIECE)
    if len(rest) == PIECE or any(rest):
        raise ArchiveError("a tar archive is followed by bytes that are not its own")


def _refuse(entry: tarfile.TarInfo, count: int) -> None:
    if count >= _MAX_ENTRIES:
        raise ArchiveError(f"an archive has more than {_MAX_ENTRIES} entries")
    if entry.type not in _SUPPORTED or entry.issparse():
        raise ArchiveError(f"{entry.name!a} is neither a file nor a folder nor a link")


class _LastBlock:
    """Passes reads on and remembers what the last one gave."""

    def __init__(self, archive: ForwardReader) -> None:
        self._archive = archive
        self.last = b""
        self.tell = archive.tell
        self.seek = archive.seek

    def read(self, size: int, /) -> bytes:
        self.last = self._archive.read(size)
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
            raise ArchiveError(f"{self._name!a} ends early")
        return data
