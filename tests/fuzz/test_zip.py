"""Zips whose bytes or fields are changed anywhere: what is read of them is what Python's zipfile reads."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib

from hypothesis import given
from hypothesis import strategies as st

from envbuild.archive.zip_archive import ZipArchive
from tests.makers.mutants import fuzz, mutants, read_or_refuse
from tests.makers.zips import FULL, RawMember, assemble_zip, deflated, unicode_path

DATA = b"some contents " * 20
DESCRIBED = deflated("d.py", b"d" * 300)
MEMBERS = [
    deflated("a.py", DATA),
    RawMember(b"b.txt", b"abc", 3, zlib.crc32(b"abc"), method=0),
    deflated("folder/", b""),
    deflated("folder/c", b"").but(zip64=True),
    DESCRIBED.but(
        flags=0x808,
        gap=struct.pack("<4s3L", b"PK\7\x08", DESCRIBED.crc, len(DESCRIBED.stored), DESCRIBED.size),
    ),
]
ZIPS = [assemble_zip(MEMBERS), assemble_zip(MEMBERS, zip64=True, comment=b"comment")]

NUMBERS = st.sampled_from([0, 1, 3, 30, 280, 300, 0xFFFF, FULL - 1, FULL, 1 << 62]) | st.integers(0, 400)
NARROW = NUMBERS.map(lambda number: min(number, FULL))
NAMES = st.sampled_from(
    [b"a.py", b"A.PY", b"../a", b"/a", b"a/", b"a", b"a/b", b"a\\b", b"a\0b", b"\xff", b"n" * 256, b""]
) | st.binary(max_size=6)
FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "name": NAMES,
        "stored": st.sampled_from([member.stored for member in MEMBERS]) | st.binary(max_size=20),
        "size": NARROW,
        "crc": NARROW,
        "method": st.sampled_from([0, 8, 9, 12, 14, 93]),
        "flags": st.sampled_from([0, 1, 8, 0x20, 0x40, 0x800, 0x808, 0x2000]),
        "mode": st.sampled_from([0, 0o100755, 0o120777, 0o020644, 0o040755]),
        "compressed": NARROW,
        "gap": st.binary(max_size=24),
        "zip64": st.booleans(),
        "offset": NARROW,
        "disk": st.sampled_from([0, 1, 0xFFFF]),
        "extra": NAMES.map(unicode_path) | st.binary(max_size=12),
        "comment": st.binary(max_size=30),
    },
)
# A field that lies, in the directory, at the contents, or in both.
LIARS = st.builds(
    lambda member, fields, local: member.but(**fields, local=member.but(**local) if local else None),
    st.sampled_from(MEMBERS),
    FIELDS,
    st.none() | FIELDS,
)
ENDS = st.fixed_dictionaries(
    {},
    optional={
        "count": st.integers(0, 6),
        "comment": st.binary(max_size=20) | st.sampled_from(ZIPS),
        "zip64": st.booleans(),
        "before_end": st.binary(max_size=4),
        "disk": st.integers(0, 1),
        "front": st.binary(max_size=4),
        "shift": st.integers(0, 60),
        "behind_end64": st.binary(max_size=4),
    },
)


def read_all(data: bytes) -> dict[str, bytes]:
    archive = ZipArchive(io.BytesIO(data))
    return {name: archive.read(member) for name, member in archive.members.items()}


def check_same_as_zipfile(data: bytes) -> None:
    read = read_or_refuse(lambda: read_all(data))
    if read is not None:
        assert sum(map(len, read.values())) <= 1032 * len(data)
        assert read == (read_by_zipfile(data) or read)


def read_by_zipfile(data: bytes) -> dict[str, bytes] | None:
    """None where it refuses the zip, as it does for some fields that say nothing of the contents."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return {name: archive.read(name) for name in archive.namelist() if name[-1] != "/"}
    except (zipfile.BadZipFile, NotImplementedError):
        return None


@fuzz
@given(mutants(ZIPS[0], marks=[at for at in range(len(ZIPS[0])) if ZIPS[0].startswith(b"PK", at)]))
def test_changed_bytes(data: bytes) -> None:
    check_same_as_zipfile(data)


@fuzz
@given(mutants(ZIPS[1], marks=[at for at in range(len(ZIPS[1])) if ZIPS[1].startswith(b"PK", at)]))
def test_changed_bytes_of_a_zip64(data: bytes) -> None:
    check_same_as_zipfile(data)


@fuzz
@given(st.lists(LIARS | st.sampled_from(MEMBERS), max_size=4), ENDS)
def test_fields_that_lie(members: list[RawMember], end: dict[str, object]) -> None:
    check_same_as_zipfile(assemble_zip(members, **end))  # type: ignore[arg-type]


def test_what_nobody_changed_is_read() -> None:
    for data in ZIPS:
        assert sorted(read_all(data)) == ["a.py", "b.txt", "d.py", "folder/c"]
        assert read_all(data) == read_by_zipfile(data)
