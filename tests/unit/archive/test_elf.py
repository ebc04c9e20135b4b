"""The libraries that shared objects need, of real ones and of ones that were made."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from envbuild.archive.elf import is_elf, read_needed
from tests.makers.elf import make_library


def test_the_interpreter_needs_a_c_library() -> None:
    needed = read_needed(Path(sys.executable).resolve().read_bytes())
    assert any(name.startswith("libc.") for name in needed)


@pytest.mark.parametrize("names", [(), ("libm.so.6",), ("libz.so.1", "libä.so", "libc.so.6")])
def test_names_come_in_order(names: tuple[str, ...]) -> None:
    data = make_library(*names)
    assert (is_elf(data[:16]), read_needed(data)) == (True, names)


def test_the_machine_does_not_matter() -> None:
    assert read_needed(make_library("libm.so.6", machine=183)) == ("libm.so.6",)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"#!/bin/sh\n",
        b"\x7fELF\x01\x01" + make_library("libm.so.6")[6:],  # 32 bits, of none of our platforms
        make_library("libm.so.6")[:100],
        make_library("libm.so.6")[:-40],
        make_library("libm.so.6").replace((0x10000).to_bytes(8, "little"), bytes(8)),  # loaded elsewhere
    ],
)
def test_what_no_linker_reads_needs_nothing(data: bytes) -> None:
    assert read_needed(data) == ()


@pytest.mark.parametrize("place", [0x20, 0x40 + 56 + 8])  # of the segments, and of the dynamic section
def test_places_that_no_file_has_need_nothing(place: int) -> None:
    data = bytearray(make_library("libm.so.6"))
    data[place : place + 8] = bytes([0xFF]) * 8
    assert read_needed(bytes(data)) == ()


def test_names_longer_than_any_path_are_not_read() -> None:
    """Thousands of entries may share one name: together they would be larger than any memory."""
    assert read_needed(make_library("x" * 4095)) == ("x" * 4095,)
    assert read_needed(make_library("x" * 4096)) == ()


def test_one_dynamic_section_is_read() -> None:
    data = bytearray(make_library("libm.so.6"))
    data[0x20:0x28], data[0x38:0x3A] = len(data).to_bytes(8, "little"), (3).to_bytes(2, "little")
    segments = data[0x40:0xB0]
    assert read_needed(bytes(data + segments + segments[56:])) == ("libm.so.6",)
