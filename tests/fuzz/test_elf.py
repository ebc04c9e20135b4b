"""Shared objects in wheels that were built: whatever a compiler left there."""

from __future__ import annotations

from hypothesis import given

from envbuild.archive.elf import read_needed
from tests.makers.elf import make_library
from tests.makers.mutants import fuzz, mutants

LIBRARY = make_library("libm.so.6", "libc.so.6")


@fuzz
@given(mutants(LIBRARY, marks=(0x20, 0x36, 0x40, 0x78, len(LIBRARY) - 64)))
def test_changed_bytes(data: bytes) -> None:
    """None is refused: a package may have a file that only looks like a library."""
    for name in read_needed(data):
        assert name.encode() + b"\0" in data
