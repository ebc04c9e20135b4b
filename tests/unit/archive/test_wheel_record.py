"""RECORD is read and written as csv does it, whatever is in it."""

from __future__ import annotations

import csv
import io

import pytest

from envbuild.archive.wheel_record import parse_record, rewrite_record
from envbuild.core.errors import ArchiveError

PLAIN = ("a/b.py", "sha256=x", "1")
ODD = [
    "a b.py",
    "a,b.py",
    'a"b.py',
    '"a.py"',
    "a\rb.py",
    "a\nb.py",
    "a\u2028b.py",
    "a\x0bb.py",
    "données",
    " a",
    "",
]


@pytest.mark.parametrize("path", ODD)
def test_rows_are_written_as_csv_writes_them(path: str) -> None:
    rows = sorted([PLAIN, (path, "sha256=y", "2")])
    expected = io.StringIO(newline="")
    csv.writer(expected).writerows(rows)
    assert rewrite_record(rows, {}, {}, {}) == expected.getvalue().encode()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n\n",
        "a.py,sha256=x,1\r\n\r\nb.py,,\n",
        "a.py\nb.py,sha256=x\nc.py,sha256=y,1,more",
        '"a,b.py",sha256=x,1\nc.py,,',
        'a"b".py,"sha256=x",1',
        " a.py , b , 1 ",
    ],
)
def test_rows_are_read_as_csv_reads_them(text: str) -> None:
    expected = [tuple([*row, "", ""][:3]) for row in csv.reader(text.splitlines()) if row]
    assert parse_record(text) == expected


@pytest.mark.parametrize("quote", ["", '"'])
def test_a_field_without_end_is_refused(quote: str) -> None:
    with pytest.raises(ArchiveError, match="malformed"):
        parse_record(quote + "x" * (csv.field_size_limit() + 1))
