"""Checksums of headers, where all fields are as long and as heavy as they can be."""

from __future__ import annotations

import tarfile

import pytest

from envbuild.archive.tar_header import SYMLINK, encode_header


@pytest.mark.parametrize("character", ["~", " "])
@pytest.mark.parametrize(
    ("prefix", "name", "target"), [(0, 1, 1), (0, 100, 100), (155, 100, 1), (155, 100, 100)]
)
def test_tarfile_takes_the_checksum(prefix: int, name: int, target: int, character: str) -> None:
    path = "/".join(character * size for size in (prefix, name) if size)
    header = encode_header(path, SYMLINK, 0o7777, 2**33 - 1, owner=(0o7777777, 0), target=character * target)
    entry = tarfile.TarInfo.frombuf(header, "ascii", "strict")
    assert (entry.name, entry.linkname, entry.uid) == (path, character * target, 0o7777777)
