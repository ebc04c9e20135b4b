"""Listings: what a layer holds, one line an entry, and where two layers claim the same path.

A line is `kind mode uid gid size crc32 NUL path NUL target LF`, mode in octal and CRC in hexadecimal.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import Enum
from itertools import chain
from typing import Any, Final, NamedTuple

from envbuild.core.dataclass import dataclass
from envbuild.core.errors import ArchiveError
from envbuild.core.pattern import compile_later


class Kind(str, Enum):
    """What an entry is."""

    FILE = "file"
    DIRECTORY = "directory"
    SYMLINK = "symlink"
    HARDLINK = "hardlink"
    FIFO = "fifo"
    DEVICE = "device"  # of a layer that is not ours


class Entry(NamedTuple):
    """A path of a layer, relative to the root; `size` and `crc32` are of a file's contents, else 0.

    A tuple, as there is one for each file of an image and a frozen dataclass takes ten times as long to make.
    """

    path: str
    kind: Kind
    mode: int
    uid: int = 0
    gid: int = 0
    size: int = 0
    crc32: int = 0
    target: str = ""


@dataclass(frozen=True, slots=True, order=True)
class Conflict:
    """A path that two owners claim."""

    path: str
    owners: tuple[str, str]


@dataclass(frozen=True, slots=True)
class Overlaps:
    """Paths with two owners: `conflicts` for certain, `candidates` if their bytes differ."""

    conflicts: tuple[Conflict, ...]
    candidates: tuple[Conflict, ...]


def encode_listing(entries: Iterable[Entry]) -> bytes:
    """The canonical bytes of a listing, in the order given."""
    lines = [
        f"{kind.value} {mode:04o} {uid} {gid} {size} {crc:08x}\0{path}\0{target}\n"
        for path, kind, mode, uid, gid, size, crc, target in entries
    ]
    text = "".join(lines)
    if text.count("\0") != 2 * len(lines) or text.count("\n") != len(lines):
        raise ArchiveError("a path holds a NUL or a line feed: no layer can name it")
    return text.encode(errors="surrogateescape")


def parse_listing(data: bytes) -> tuple[Entry, ...]:
    """Read what `encode_listing` wrote; raises ArchiveError for anything else."""
    return tuple(
        Entry(path, _KINDS[kind], int(mode, 8), int(uid), int(gid), int(size), int(crc, 16), target)
        for kind, mode, uid, gid, size, crc, path, target in _find_lines(data, _LINE)
    )


def _find_lines(data: bytes, line: re.Pattern[str]) -> list[Any]:
    """What `line` finds in each line of a listing."""
    try:
        text = data.decode(errors="surrogateescape")
    except ValueError:
        raise ArchiveError("a layer's listing is malformed") from None
    if text and not text.endswith("\n"):
        raise ArchiveError("a layer's listing ends early")
    found = line.findall(text)
    if len(found) != text.count("\n"):
        raise ArchiveError("a layer's listing is malformed")
    return found


def share_folders_only(listings: Iterable[bytes]) -> bool:
    """Whether no two of these listings have a path in common but for folders, nor one's file above another's.

    That is so of nearly all images, and is seen in a third of the time that `find_overlaps` takes.
    """
    files: list[str] = []
    folders: set[str] = set()
    for data in listings:
        for kind, path in _find_lines(data, _PATHS):
            if kind == _FOLDER:
                folders.add(path)
            else:
                files.append(path)
    folders |= folders_above(chain(files, folders))
    apart = frozenset(files)
    return len(apart) == len(files) and apart.isdisjoint(folders)


def find_overlaps(listings: Sequence[tuple[str, Sequence[Entry]]]) -> Overlaps:
    """Compare the listings of several owners, each named; the first owner of a path is the one reported.

    Directories may be shared whatever their mode. Files equal in size, CRC and mode are candidates:
    a CRC proves no equality, `compare_contents` does.
    """
    first: dict[str, tuple[str, Entry]] = {}
    conflicts: set[Conflict] = set()
    candidates: set[Conflict] = set()
    for owner, entries in listings:
        for entry in entries:
            other, known = first.setdefault(entry.path, (owner, entry))
            if other == owner or known.kind == entry.kind == Kind.DIRECTORY:
                continue
            conflict = Conflict(entry.path, (other, owner))
            if _identity(known) != _identity(entry):
                conflicts.add(conflict)
            elif entry.kind == Kind.FILE and entry.size:
                candidates.add(conflict)
    conflicts.update(_buried_paths(listings, first))
    return Overlaps(tuple(sorted(conflicts)), tuple(sorted(candidates)))


def compare_contents(
    candidates: Iterable[Conflict], read: Callable[[str, str], bytes]
) -> tuple[Conflict, ...]:
    """Those candidates whose bytes differ; `read(owner, path)` gives a file's contents."""
    return tuple(
        conflict
        for conflict in candidates
        if read(conflict.owners[0], conflict.path) != read(conflict.owners[1], conflict.path)
    )


def _identity(entry: Entry) -> tuple[Kind, int, int, int, str]:
    return entry.kind, entry.mode, entry.size, entry.crc32, entry.target


def _buried_paths(
    listings: Sequence[tuple[str, Sequence[Entry]]], first: dict[str, tuple[str, Entry]]
) -> Iterator[Conflict]:
    """What one owner puts below a path that is another's file or link, without naming that path itself."""
    for owner, entries in listings:
        for folder in folders_above(entry.path for entry in entries):
            other, known = first.get(folder, (owner, None))
            if known and other != owner and known.kind != Kind.DIRECTORY:
                yield Conflict(folder, (other, owner))


def parent_paths(path: str) -> Iterator[str]:
    """The directories above a relative path, the nearest first."""
    folder = path.rpartition("/")[0]
    while folder:
        yield folder
        folder = folder.rpartition("/")[0]


def folders_above(paths: Iterable[str]) -> set[str]:
    """All directories above relative paths."""
    folders: set[str] = set()
    for path in paths:
        folder = path.rpartition("/")[0]
        while folder and folder not in folders:
            folders.add(folder)
            folder = folder.rpartition("/")[0]
    return folders


_KINDS: Final = {kind.value: kind for kind in Kind}
_FOLDER: Final = Kind.DIRECTORY.value
# A whole line, with one form for each number, so that equal listings have equal bytes.
_KIND: Final = f"({'|'.join(_KINDS)})"
_MODE: Final = "(?:[0-7]{4}|[1-7][0-7]{4,})"
_NUMBER: Final = "(?:0|[1-9][0-9]*)"
_CRC: Final = "[0-9a-f]{8}"
_TEXT: Final = "[^\0\n]*"
_LINE: Final = compile_later(
    f"^{_KIND} ({_MODE})" + f" ({_NUMBER})" * 3 + f" ({_CRC})\0({_TEXT})\0({_TEXT})\n", re.MULTILINE
)
_PATHS: Final = compile_later(
    f"^{_KIND} {_MODE}" + f" {_NUMBER}" * 3 + f" {_CRC}\0({_TEXT})\0{_TEXT}\n", re.MULTILINE
)
