"""Zips that are honest are read whatever their form; zips that lie are refused."""

from __future__ import annotations

import io
import struct
import zlib

import pytest

from envbuild.archive.wheel_zip import MAX_UNPACKED, WheelZip
from envbuild.core.errors import ArchiveError
from tests.makers.zips import FULL, RawMember, assemble_zip, deflated, raw_deflate

DATA = b"some contents " * 200
GOOD = deflated("good.py", DATA)
STORED = RawMember(b"stored.txt", b"abc", 3, zlib.crc32(b"abc"), method=0)


def read_all(data: bytes) -> dict[str, bytes]:
    archive = WheelZip(io.BytesIO(data))
    return {name: archive.read(member) for name, member in archive.members.items()}


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(assemble_zip([GOOD, STORED]), id="deflated and stored"),
        pytest.param(
            assemble_zip([GOOD.but(flags=0x808, gap=b"PK\7\x08" + bytes(12)), STORED]),
            id="sizes in a descriptor behind the contents",
        ),
        pytest.param(assemble_zip([GOOD.but(zip64=True), STORED]), id="zip64 sizes and offset"),
        pytest.param(assemble_zip([GOOD, STORED], zip64=True), id="zip64 end record"),
        pytest.param(assemble_zip([GOOD, STORED], comment=b"a comment PK\5\6 in it" * 3), id="a comment"),
        pytest.param(
            assemble_zip([GOOD, deflated("folder/", b""), STORED]), id="a folder, which is left out"
        ),
        pytest.param(assemble_zip([GOOD, GOOD, STORED]), id="a member twice, with equal contents"),
    ],
)
def test_reads(data: bytes) -> None:
    assert read_all(data) == {"good.py": DATA, "stored.txt": b"abc"}


def test_names_without_the_utf8_flag_are_in_code_page_437() -> None:
    assert list(read_all(assemble_zip([STORED.but(name=b"caf\x82.txt", flags=0)]))) == ["café.txt"]


def test_a_link_is_read_as_the_file_that_pip_makes_of_it() -> None:
    archive = WheelZip(io.BytesIO(assemble_zip([STORED.but(mode=0o120777)])))
    member = archive.members["stored.txt"]
    assert archive.read(member) == b"abc"
    assert not member.executable


REFUSED = {
    "empty file": (b"", "no end of a zip directory"),
    "no zip": (b"not a zip at all" * 10, "no end of a zip directory"),
    "truncated": (assemble_zip([GOOD])[:-1], "no end of a zip directory"),
    "bytes in front": (b"#!/bin/sh\n" + assemble_zip([GOOD]), "right before its end"),
    "bytes between directory and end": (assemble_zip([GOOD], before_end=b"x"), "right before its end"),
    "fewer members than stated": (assemble_zip([GOOD], count=2), "holds 1 records and should hold 2"),
    "several disks": (assemble_zip([GOOD], disk=1), "several files"),
    "a member on another disk": (assemble_zip([GOOD.but(disk=1)]), "broken record"),
    "no zip64 locator": (assemble_zip([GOOD], zip64=True, locator=b"PKXX"), "locator is missing"),
    "absolute": (assemble_zip([GOOD.but(name=b"/etc/passwd")]), "not a path"),
    "parent": (assemble_zip([GOOD.but(name=b"a/../../etc/passwd")]), "not a path"),
    "parent folder": (assemble_zip([GOOD.but(name=b"../")]), "not a path"),
    "dot": (assemble_zip([GOOD.but(name=b"./good.py")]), "not a path"),
    "empty name": (assemble_zip([GOOD.but(name=b"")]), "not a path"),
    "NUL": (assemble_zip([GOOD.but(name=b"good.py\0.txt")]), "not a path"),
    "backslash": (assemble_zip([GOOD.but(name=b"folder\\good.py")]), "backslash"),
    "bad UTF-8": (assemble_zip([GOOD.but(name=b"\xff")]), "marked as UTF-8"),
    "encrypted": (assemble_zip([GOOD.but(flags=0x801)]), "encrypted"),
    "masked headers": (assemble_zip([GOOD.but(flags=0x2800)]), "encrypted"),
    "bzip2": (assemble_zip([GOOD.but(method=12)]), "zip method 12"),
    "stored with two sizes": (assemble_zip([STORED.but(size=4)]), "two different sizes"),
    "a name twice": (assemble_zip([GOOD, deflated("good.py", b"other")]), "twice, with different contents"),
    "another local name": (
        assemble_zip([GOOD.but(local=GOOD.but(name=b"evil.py"))]),
        "contradicts the zip directory",
    ),
    "another local method": (
        assemble_zip([GOOD.but(local=GOOD.but(method=0))]),
        "contradicts the zip directory",
    ),
    "another local size": (
        assemble_zip([GOOD.but(local=GOOD.but(size=7))]),
        "contradicts the zip directory",
    ),
    "another local CRC": (assemble_zip([GOOD.but(local=GOOD.but(crc=7))]), "contradicts the zip directory"),
    "no local header": (assemble_zip([GOOD.but(offset=1)]), "contradicts the zip directory"),
    "contents that reach into the next member": (
        assemble_zip(
            [
                STORED.but(compressed=40, size=40, local=STORED.but(compressed=40, size=40)),
                GOOD,
            ]
        ),
        "overlaps",
    ),
    "two members at one place": (
        assemble_zip([GOOD.but(name=b"other.py"), GOOD.but(offset=0)]),
        "overlaps|contradicts",
    ),
    "an offset behind the directory": (assemble_zip([GOOD.but(offset=1 << 20)]), "ends early|overlaps"),
    "a wrong CRC": (assemble_zip([GOOD.but(crc=1)]), "size and CRC"),
    "a wrong CRC of stored contents": (assemble_zip([STORED.but(crc=1)]), "CRC"),
    "more than stated": (assemble_zip([GOOD.but(size=len(DATA) - 1)]), "broken"),
    "less than stated": (assemble_zip([GOOD.but(size=len(DATA) + 1)]), "size and CRC"),
    "a bomb": (assemble_zip([GOOD.but(size=1 << 31)]), "cannot hold"),
    "a stream that ends early": (assemble_zip([GOOD.but(stored=GOOD.stored[:-4])]), "broken|size and CRC"),
    "no stream": (assemble_zip([GOOD.but(stored=b"\xff" * 40)]), "broken"),
    "more than the bound altogether": (
        assemble_zip([GOOD.but(name=b"%d" % n, size=FULL - 1) for n in range(9)]),
        f"more than the {MAX_UNPACKED} allowed",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refuses(case: str) -> None:
    data, message = REFUSED[case]
    with pytest.raises(ArchiveError, match=message):
        read_all(data)


def test_a_broken_zip64_field_is_refused() -> None:
    data = assemble_zip([GOOD.but(zip64=True)])
    field = struct.pack("<2H", 1, 24)
    with pytest.raises(ArchiveError, match="zip64 field"):
        read_all(data.replace(field, struct.pack("<2H", 1, 8)))


def test_starts_with_looks_through_empty_blocks() -> None:
    # A stream may begin with blocks that hold nothing, which tell a look at its first bytes nothing.
    stream = b"\0\0\0\xff\xff" * 100_000 + raw_deflate(b"#!python\n")
    member = RawMember(b"run", stream, 9, zlib.crc32(b"#!python\n"))
    archive = WheelZip(io.BytesIO(assemble_zip([member, STORED])))
    assert archive.starts_with(archive.members["run"], b"#!python")
    assert not archive.starts_with(archive.members["run"], b"#!python\nmore")
    assert archive.starts_with(archive.members["stored.txt"], b"ab")
