"""Listings survive encoding, and two owners of one path are found."""

from __future__ import annotations

import pytest

from envbuild.archive.listing import (
    Conflict,
    Entry,
    Kind,
    compare_contents,
    encode_listing,
    find_overlaps,
    parse_listing,
    share_folders_only,
)
from envbuild.core.errors import ArchiveError

FOLDER = Entry("a", Kind.DIRECTORY, 0o755)
FILE = Entry("a/f", Kind.FILE, 0o644, size=3, crc32=7)
EMPTY = Entry("a/f", Kind.FILE, 0o644)
LINK = Entry("a/f", Kind.SYMLINK, 0o777, target="g")


def test_a_listing_is_one_line_an_entry() -> None:
    assert encode_listing([FOLDER, FILE, LINK]) == (
        b"directory 0755 0 0 0 00000000\0a\0\n"
        b"file 0644 0 0 3 00000007\0a/f\0\n"
        b"symlink 0777 0 0 0 00000000\0a/f\0g\n"
    )


@pytest.mark.parametrize("path", ["plain", "with space", "tab\tand\rreturn", "données/文件", "file 0644 0 0"])
def test_listings_survive(path: str) -> None:
    entries = (
        Entry(path, Kind.FILE, 0o4755, 3, 4, 1 << 40, 0xFFFFFFFF),
        Entry("l", Kind.SYMLINK, 0o777, target=path),
    )
    assert parse_listing(encode_listing(entries)) == entries


def test_an_empty_listing_survives() -> None:
    assert parse_listing(encode_listing([])) == ()


@pytest.mark.parametrize("path", ["line\nfeed", "nu\0l"])
def test_names_that_would_break_a_line_are_refused(path: str) -> None:
    with pytest.raises(ArchiveError, match="no layer can name it"):
        encode_listing([Entry(path, Kind.FILE, 0o644)])


@pytest.mark.parametrize(
    "data",
    [
        b"x",
        b"\n",
        b"file 0644 0 0 3 00000007\0a\0",
        b"file 0644 0 0 3\0a\0\n",
        b"pipe 0644 0 0 3 00000007\0a\0\n",
        b"file 0698 0 0 3 00000007\0a\0\n",
        b"file 644 0 0 3 00000007\0a\0\n",
        b"file 0644 0 0 3 7\0a\0\n",
    ],
)
def test_anything_else_is_no_listing(data: bytes) -> None:
    with pytest.raises(ArchiveError, match="listing"):
        parse_listing(data)
    with pytest.raises(ArchiveError, match="listing"):
        share_folders_only([data])


@pytest.mark.parametrize(
    ("other", "conflicts", "candidates"),
    [
        pytest.param(FILE, 0, 1, id="equal as far as a listing tells"),
        pytest.param(Entry("a/f", Kind.FILE, 0o755, size=3, crc32=7), 1, 0, id="another mode"),
        pytest.param(Entry("a/f", Kind.FILE, 0o644, size=4, crc32=7), 1, 0, id="another size"),
        pytest.param(Entry("a/f", Kind.FILE, 0o644, size=3, crc32=8), 1, 0, id="another CRC"),
        pytest.param(LINK, 1, 0, id="another kind"),
        pytest.param(Entry("a/f", Kind.DIRECTORY, 0o755), 1, 0, id="a folder"),
        pytest.param(Entry("a/f/below", Kind.FILE, 0o644), 1, 0, id="something below the file"),
        pytest.param(Entry("a/f/below", Kind.DIRECTORY, 0o755), 1, 0, id="a folder below the file"),
        pytest.param(Entry("a/other", Kind.FILE, 0o644), 0, 0, id="another path"),
    ],
)
def test_overlaps(other: Entry, conflicts: int, candidates: int) -> None:
    for first, second in ((FILE, other), (other, FILE)):
        found = find_overlaps([("one", [FOLDER, first]), ("two", [FOLDER, second])])
        assert len(found.conflicts) == conflicts
        assert len(found.candidates) == candidates
        alone = share_folders_only([encode_listing([FOLDER, first]), encode_listing([FOLDER, second])])
        assert alone == (not conflicts and not candidates)
        assert {name for c in found.conflicts + found.candidates for name in c.owners} <= {"one", "two"}


def test_folders_are_shared_whatever_their_mode() -> None:
    other = Entry("a", Kind.DIRECTORY, 0o700)
    found = find_overlaps([("one", [FOLDER]), ("two", [other])])
    assert found.conflicts == found.candidates == ()
    assert share_folders_only([encode_listing([FOLDER]), encode_listing([other])])


def test_links_with_one_target_and_empty_files_are_equal() -> None:
    for entry in (LINK, EMPTY):
        found = find_overlaps([("one", [entry]), ("two", [entry])])
        assert found.conflicts == found.candidates == ()


def test_each_further_owner_is_compared_with_the_first() -> None:
    found = find_overlaps([("one", [FILE]), ("two", [FILE]), ("three", [FILE])])
    assert found.candidates == (Conflict("a/f", ("one", "three")), Conflict("a/f", ("one", "two")))


def test_equal_crcs_prove_nothing() -> None:
    candidates = (Conflict("same", ("one", "two")), Conflict("other", ("one", "two")))
    contents = {
        ("one", "same"): b"abc",
        ("two", "same"): b"abc",
        ("one", "other"): b"abc",
        ("two", "other"): b"xyz",
    }
    found = compare_contents(candidates, lambda owner, path: contents[owner, path])
    assert found == (Conflict("other", ("one", "two")),)
