"""Shared objects that a dynamic linker can read, with no code in them."""

from __future__ import annotations

import struct

_HEADER = struct.Struct("<16s2HL3QL6H")
_SEGMENT = struct.Struct("<2L6Q")
_AT = 0x10000  # where it is loaded: addresses differ from places in the file


def make_library(*needed: str, machine: int = 62) -> bytes:
    """One that needs these libraries, for x86-64 unless another machine is stated."""
    strings = b"\0" + b"".join(name.encode() + b"\0" for name in needed)
    places = [1 + sum(len(each.encode()) + 1 for each in needed[:n]) for n in range(len(needed))]
    head = _HEADER.size + 2 * _SEGMENT.size
    dynamic = b"".join(struct.pack("<2Q", 1, place) for place in places)
    dynamic += struct.pack("<4Q", 5, _AT + head, 0, 0)
    start, size = head + len(strings), head + len(strings) + len(dynamic)
    identity = b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
    header = _HEADER.pack(identity, 3, machine, 1, 0, _HEADER.size, 0, 0, _HEADER.size, 56, 2, 0, 0, 0)
    load = _SEGMENT.pack(1, 4, 0, _AT, _AT, size, size, 0x1000)
    place = _SEGMENT.pack(2, 4, start, _AT + start, _AT + start, len(dynamic), len(dynamic), 8)
    return header + load + place + strings + dynamic
