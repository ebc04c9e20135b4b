"""Zips that are honest are read whatever their form; zips that lie are refused."""

from __future__ import annotations

import io
import struct
import zlib

import pytest

from envbuild.archive.zip_archive import MAX_UNPACKED, ZipArchive
from envbuild.archive.zip_directory import MAX_RECORDS
from envbuild.core.errors import ArchiveError
from tests.makers.zips import FULL, RawMember, assemble_zip, deflated, raw_deflate, unicode_path

DATA = b"some contents " * 200
GOOD = deflated("good.py", DATA)
NUMBERS = struct.pack("<3L", GOOD.crc, len(GOOD.stored), GOOD.size)
NUMBERS64 = struct.pack("<L2Q", GOOD.crc, len(GOOD.stored), GOOD.size)
STORED = RawMember(b"stored.txt", b"abc", 3, zlib.crc32(b"abc"), method=0)


def read_all(data: bytes) -> dict[str, bytes]:
    archive = ZipArchive(io.BytesIO(data))
    return {name: archive.read(member) for name, member in archive.members.items()}


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(assemble_zip([GOOD, STORED]), id="deflated and stored"),
        pytest.param(
            assemble_zip([GOOD.but(flags=0x808, gap=b"PK\7\x08" + NUMBERS), STORED]),
            id="sizes in a descriptor behind the contents",
        ),
        pytest.param(
            assemble_zip([GOOD.but(flags=0x808, gap=NUMBERS), STORED]), id="one without a signature"
        ),
        pytest.param(assemble_zip([GOOD.but(flags=0x808, gap=NUMBERS64), STORED]), id="one with long sizes"),
        pytest.param(assemble_zip([GOOD.but(zip64=True), STORED]), id="zip64 sizes and offset"),
        pytest.param(assemble_zip([GOOD, STORED], zip64=True), id="zip64 end record"),
        pytest.param(assemble_zip([GOOD, STORED], comment=b"a comment"), id="a comment"),
        pytest.param(
            assemble_zip([GOOD, deflated("folder/", b""), STORED]), id="a folder, which is left out"
        ),
        pytest.param(
            assemble_zip([GOOD.but(extra=unicode_path(b"good.py")), STORED]), id="the same name in a field"
        ),
        pytest.param(assemble_zip([GOOD, GOOD, STORED]), id="a member twice, with equal contents"),
    ],
)
def test_reads(data: bytes) -> None:
    assert read_all(data) == {"good.py": DATA, "stored.txt": b"abc"}


def test_a_zip_may_be_empty() -> None:
    assert read_all(assemble_zip([])) == {}


def test_names_without_the_utf8_flag_are_in_code_page_437() -> None:
    assert list(read_all(assemble_zip([STORED.but(name=b"caf\x82.txt", flags=0)]))) == ["café.txt"]


def test_a_link_is_read_as_the_file_that_pip_makes_of_it() -> None:
    archive = ZipArchive(io.BytesIO(assemble_zip([STORED.but(mode=0o120777)])))
    member = archive.members["stored.txt"]
    assert archive.read(member) == b"abc"
    assert not member.executable


DEFERRED = assemble_zip([GOOD.but(flags=0x808, gap=NUMBERS)])
HIDDEN_END = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, 0, 0, 0, 0)
HIDDEN_END += struct.pack("<4sLQL", b"PK\6\7", 0, 0, 1)

REFUSED = {
    # Readers that take the file from its front find another archive than readers of the directory.
    "bytes in front, with offsets that know it": (
        assemble_zip([GOOD], front=b"#!/bin/sh\n"),
        "does not begin with its first member",
    ),
    "nothing but bytes in front": (assemble_zip([], front=b"x" * 30), "does not begin with its first member"),
    "a member that the directory does not list": (
        assemble_zip([GOOD.but(gap=assemble_zip([STORED])[:43]), STORED]),
        "`good.py` is followed by bytes that are not its own",
    ),
    "a descriptor without its flag": (assemble_zip([GOOD.but(gap=NUMBERS)]), "not its own"),
    "a descriptor that lies": (
        assemble_zip([GOOD.but(flags=0x808, gap=NUMBERS[:-1] + b"\1")]),
        "data descriptor that contradicts",
    ),
    "more than a descriptor": (assemble_zip([GOOD.but(flags=0x808, gap=NUMBERS + b"more")]), "contradicts"),
    "a local header that defers its sizes and lies": (
        DEFERRED[:14] + struct.pack("<3L", 1, 2, 3) + DEFERRED[26:],
        "contradicts the zip directory",
    ),
    "a local zip64 size that lies": (
        assemble_zip([GOOD.but(local=GOOD.but(zip64=True, size=7))]),
        "contradicts the zip directory",
    ),
    # Some readers follow the last record in the file, others the first whose comment ends with the file.
    "an end record in the comment": (
        assemble_zip([GOOD], comment=assemble_zip([STORED])),
        "right before its end",
    ),
    "half an end record in the comment": (assemble_zip([GOOD], comment=b"PK\5\6"), "no end of a zip"),
    "a zip64 locator that points elsewhere": (assemble_zip([GOOD], zip64=True, shift=-1), "right before its"),
    "bytes behind the zip64 end record": (
        assemble_zip([GOOD], zip64=True, behind_end64=b"x" * 8),
        "right before its locator",
    ),
    "two end records that contradict each other": (
        assemble_zip([GOOD], zip64=True, short=(7, FULL, FULL)),
        "contradict each other",
    ),
    "a zip64 end record that hides in a comment": (
        assemble_zip([GOOD.but(comment=HIDDEN_END)]),
        "does not need",
    ),
    "more members than allowed": (
        assemble_zip([GOOD], zip64=True, count=MAX_RECORDS + 1),
        f"more than {MAX_RECORDS} records",
    ),
    "fewer records than there are": (assemble_zip([GOOD, STORED], count=1), "does not hold the 1 records"),
    "another name in a field": (
        assemble_zip([GOOD.but(extra=unicode_path(b"evil.py"))]),
        "has another name, `evil.py`",
    ),
    "another name in a local field": (
        assemble_zip([GOOD.but(local=GOOD.but(extra=unicode_path(b"../evil.py")))]),
        "has another name",
    ),
    "a device": (assemble_zip([STORED.but(mode=0o020644)]), "neither a file nor a folder nor a link"),
    "a disk": (assemble_zip([STORED.but(mode=0o060644)]), "neither a file nor a folder nor a link"),
    "a pipe": (assemble_zip([STORED.but(mode=0o010644)]), "neither a file nor a folder nor a link"),
    "a socket": (assemble_zip([STORED.but(mode=0o140644)]), "neither a file nor a folder nor a link"),
    "a folder with contents": (assemble_zip([STORED.but(name=b"folder/")]), "a folder with contents"),
    "patched data": (assemble_zip([GOOD.but(flags=0x820)]), "holds a patch"),
    "strong encryption": (assemble_zip([GOOD.but(flags=0x840)]), "encrypted"),
    # A CRC is no hash: whoever makes two contents of one CRC has two wheels in one.
    "a name twice, with contents of one CRC": (
        assemble_zip([GOOD, GOOD.but(stored=GOOD.stored[:-1] + b"x")]),
        "twice, with different contents",
    ),
    "a name twice, once executable": (
        assemble_zip([GOOD, GOOD.but(mode=0o100755)]),
        "twice, with different contents",
    ),
    "a name that is too long": (assemble_zip([GOOD.but(name=b"n" * 256)]), "too long"),
    "a name of too many bytes": (assemble_zip([GOOD.but(name="文".encode() * 86)]), "too long"),
    "a path that is too long": (assemble_zip([GOOD.but(name=b"/".join([b"n" * 200] * 21))]), "too long"),
    "the longest name of all": (assemble_zip([GOOD.but(name=b"n/" * 32767 + b"n")]), "too long"),
    "folders without end": (assemble_zip([GOOD.but(name=b"n/" * 128 + b"n")]), "128 folders deep"),
    "an escape sequence": (assemble_zip([GOOD.but(name=b"\x1b[31m.py")]), r"control character"),
    "a carriage return": (assemble_zip([GOOD.but(name=b"good.py\rother.py")]), "control character"),
    "a line separator": (assemble_zip([GOOD.but(name="a\u2028b".encode())]), "control character"),
    "empty file": (b"", "no end of a zip directory"),
    "no zip": (b"not a zip at all" * 10, "no end of a zip directory"),
    "truncated": (assemble_zip([GOOD])[:-1], "no end of a zip directory"),
    "bytes in front": (b"#!/bin/sh\n" + assemble_zip([GOOD]), "right before its end"),
    "bytes between directory and end": (assemble_zip([GOOD], before_end=b"x"), "right before its end"),
    "fewer members than stated": (assemble_zip([GOOD], count=2), "does not hold the 2 records"),
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
    "no local header": (
        assemble_zip([GOOD]).replace(b"PK\3\4", b"PK\3\5", 1),
        "contradicts the zip directory",
    ),
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
    "an offset behind the directory": (
        assemble_zip([STORED, GOOD.but(offset=1 << 20)]),
        "overlaps|not its own",
    ),
    "a wrong CRC": (assemble_zip([GOOD.but(crc=1)]), "size and CRC"),
    "a wrong CRC of stored contents": (assemble_zip([STORED.but(crc=1)]), "CRC"),
    "more than stated": (assemble_zip([GOOD.but(size=len(DATA) - 1)]), "size and CRC"),
    "less than stated": (assemble_zip([GOOD.but(size=len(DATA) + 1)]), "size and CRC"),
    "a bomb": (assemble_zip([GOOD.but(size=1 << 31)]), "cannot hold"),
    "a stream that ends early": (assemble_zip([GOOD.but(stored=GOOD.stored[:-4])]), "broken|size and CRC"),
    "a stream in the place of nothing": (assemble_zip([GOOD.but(size=0, crc=0)]), "not its own"),
    "bytes behind a stream": (
        assemble_zip([GOOD.but(stored=GOOD.stored + b"junk")]),
        "a deflate stream",
    ),
    "no stream": (assemble_zip([GOOD.but(stored=b"\xff" * 40)]), "size and CRC"),
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
    archive = ZipArchive(io.BytesIO(assemble_zip([member, STORED])))
    assert archive.starts_with(archive.members["run"], b"#!python")
    assert not archive.starts_with(archive.members["run"], b"#!python\nmore")
    assert archive.starts_with(archive.members["stored.txt"], b"ab")
