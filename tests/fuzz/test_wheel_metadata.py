"""What is locked of a wheel is what its layer is made of, or one of the two refuses it."""

from __future__ import annotations

import io
from pathlib import Path
from tempfile import NamedTemporaryFile

from hypothesis import given
from hypothesis import strategies as st

from envbuild.archive.zip_archive import ZipArchive
from envbuild.sources.wheel_metadata import read_wheel_metadata
from tests.makers.mutants import fuzz, mutants, read_or_refuse
from tests.makers.zips import FULL, RawMember, assemble_zip, deflated, unicode_path

NAME = "a-1.0.dist-info/METADATA"
METADATA = deflated(NAME, b"Metadata-Version: 2.1\nName: a\nRequires-Dist: good\n")
OTHER = deflated(NAME, b"Metadata-Version: 2.1\nName: a\nRequires-Dist: evil\n")
MODULE = deflated("a.py", b"a = 1\n")
WHEEL = assemble_zip([MODULE, METADATA])
NUMBERS = st.sampled_from([0, 1, METADATA.size, OTHER.crc, FULL - 1, FULL])
LIARS = st.builds(
    RawMember.but,
    st.sampled_from([MODULE, METADATA, OTHER]),
    name=st.sampled_from([NAME, NAME + "\0", NAME.upper(), "b/" + NAME, "b-1.0.dist-info/METADATA"]).map(
        str.encode
    ),
    size=NUMBERS,
    crc=NUMBERS | st.just(METADATA.crc),
    method=st.sampled_from([0, 8, 8, 8, 12, 14]),
    offset=st.none() | NUMBERS,
    extra=st.just(b"") | st.just(unicode_path(b"a.py")),
)


def read_locked(wheel: bytes) -> str | None:
    with NamedTemporaryFile() as file:
        file.write(wheel)
        file.flush()
        read = read_or_refuse(lambda: read_wheel_metadata(Path(file.name)))
    return read.text if read else None


def read_installed(wheel: bytes) -> str | None:
    def read() -> str:
        archive = ZipArchive(io.BytesIO(wheel))
        return (
            archive.read(archive.members[NAME]).decode("utf-8", "replace") if NAME in archive.members else ""
        )

    return read_or_refuse(read)


def check(wheel: bytes) -> None:
    locked, installed = read_locked(wheel), read_installed(wheel)
    assert locked == installed or not locked or not installed


@fuzz
@given(mutants(WHEEL, marks=[at for at in range(len(WHEEL)) if WHEEL.startswith(b"PK", at)]))
def test_changed_bytes(wheel: bytes) -> None:
    check(wheel)


@fuzz
@given(st.lists(LIARS | st.sampled_from([MODULE, METADATA, OTHER]), max_size=4), st.booleans())
def test_members_that_lie(members: list[RawMember], zip64: bool) -> None:
    check(assemble_zip(members, zip64=zip64))


def test_what_nobody_changed_is_read() -> None:
    text = "Metadata-Version: 2.1\nName: a\nRequires-Dist: good\n"
    assert read_locked(WHEEL) == read_installed(WHEEL) == text
