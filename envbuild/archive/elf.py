"""What shared objects ask of the dynamic linker: the names of the libraries that they need."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

# System V ABI, "Object Files" and "Dynamic Linking", in 64 bits and little-endian, as all our platforms are.
_MAGIC: Final = b"\x7fELF\x02\x01"
_SEGMENTS: Final = struct.Struct("<32xQ14x2H")  # of the header: where they begin, their size and number
_SEGMENT: Final = struct.Struct("<L4x2Q8xQ")  # type, place in the file, address, size in the file
_ENTRY: Final = struct.Struct("<2Q")  # of the dynamic section: tag, value
_LOAD, _DYNAMIC = 1, 2
_END, _NEEDED, _STRINGS = 0, 1, 5
_MAX_SEGMENTS: Final = 1000
_MAX_ENTRIES: Final = 10_000
_MAX_NAME: Final = 4096  # of a path with its end (PATH_MAX of Linux)


def is_elf(head: bytes) -> bool:
    """Whether a file that begins so may be a shared object of one of our platforms."""
    return head.startswith(_MAGIC)


def read_needed(data: bytes) -> tuple[str, ...]:
    """The names (`DT_NEEDED`), in order; none where it is no shared object, or one that no linker reads."""
    if not is_elf(data):
        return ()
    try:
        return tuple(_read_needed(data))
    except (struct.error, ValueError, OverflowError):  # the last for a place that no memory has
        return ()


def _read_needed(data: bytes) -> Iterator[str]:
    segments = list(_segments(data))
    dynamic = [(offset, size) for kind, offset, _, size in segments if kind == _DYNAMIC]
    for offset, size in dynamic[:1]:  # there is one at most
        entries = list(_entries(data, offset, size))
        (strings,) = (_place(value, segments) for tag, value in entries if tag == _STRINGS)
        for tag, value in entries:
            if tag == _NEEDED:
                start = strings + value
                yield data[start : data.index(b"\0", start, start + _MAX_NAME)].decode()


def _segments(data: bytes) -> Iterator[tuple[int, int, int, int]]:
    start, size, number = _SEGMENTS.unpack_from(data)
    for n in range(min(number, _MAX_SEGMENTS)):
        yield _SEGMENT.unpack_from(data, start + n * size)


def _entries(data: bytes, offset: int, size: int) -> Iterator[tuple[int, int]]:
    for n in range(min(size // _ENTRY.size, _MAX_ENTRIES)):
        tag, value = _ENTRY.unpack_from(data, offset + n * _ENTRY.size)
        if tag == _END:
            return
        yield tag, value


def _place(address: int, segments: list[tuple[int, int, int, int]]) -> int:
    """Where in the file an address of the program lies; raises ValueError where nothing is loaded there."""
    for kind, offset, start, size in segments:
        if kind == _LOAD and start <= address < start + size:
            return offset + address - start
    raise ValueError("no segment has this address")
