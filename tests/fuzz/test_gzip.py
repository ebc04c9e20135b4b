"""Gzip members whose bytes are changed anywhere."""

from __future__ import annotations

import gzip

import pytest
from hypothesis import given

from envbuild.archive.gzip import compress_member, inflate_members
from envbuild.core.errors import ArchiveError
from tests.makers.mutants import fuzz, mutants, read_or_refuse

FILE = compress_member(b"first" * 50) + compress_member(b"") + gzip.compress(bytes(2000), mtime=0)


@fuzz
@given(mutants(FILE, marks=[0, FILE.find(b"\x1f\x8b", 1), FILE.rfind(b"\x1f\x8b")]))
def test_a_file_of_members_inflates_to_what_python_reads_of_it_or_is_refused(data: bytes) -> None:
    expected = read_or_refuse(lambda: b"".join(inflate_members(_cut(data, 50))))
    assert expected in (None, gzip.decompress(data) if expected else b"")
    # A member that lies whole in a chunk is read in another way.
    assert read_or_refuse(lambda: b"".join(inflate_members([data]))) == expected


def _cut(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


def test_a_file_that_nobody_changed_is_read() -> None:
    # Else the test above could only ever see refusals.
    assert b"".join(inflate_members([FILE])) == b"first" * 50 + bytes(2000)
    with pytest.raises(ArchiveError):
        list(inflate_members([FILE[:-1]]))
