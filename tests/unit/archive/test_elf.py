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
