"""RECORD: a wheel's list of files (PEP 376), as an installer writes it anew."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
from collections.abc import Iterable, Mapping
from typing import Final

from envbuild.core.errors import ArchiveError
from envbuild.core.text import excerpt

MAX_ROWS: Final = 1_000_000


def parse_record(text: str) -> list[tuple[str, str, str]]:
    """The rows of a RECORD: path, hash, size, as they stand there; raises ArchiveError."""
    lines = text.splitlines()
    if len(lines) > MAX_ROWS:
        raise ArchiveError(f"`RECORD` has more than {MAX_ROWS} lines")
    padded = ([*row, "", ""] for row in _read_rows(lines))
    return [(path, digest, size) for path, digest, size, *_ in padded]


def _read_rows(lines: list[str]) -> list[list[str]]:
    """The rows that are not empty, as csv reads them: where nothing is quoted, that is to split them."""
    if max(map(len, lines), default=0) <= csv.field_size_limit() and not any('"' in line for line in lines):
        return [line.split(",") for line in lines if line]
    try:
        return [row for row in csv.reader(lines) if row]
    except csv.Error:
        raise ArchiveError("`RECORD` is malformed") from None


def check_record(rows: Iterable[tuple[str, str, str]], sizes: Mapping[str, int]) -> None:
    """Raise ArchiveError for a row that contradicts another one or a file's size, or leaves the wheel.

    `sizes` are those of the wheel's files. Uninstallers delete what RECORD lists. Hashes are not checked:
    the wheel as a whole is, by its own.
    """
    seen: dict[str, tuple[str, str]] = {}
    for path, digest, size in rows:
        if path.startswith("/") or (".." in path and ".." in path.split("/")):
            raise ArchiveError(f"`RECORD` lists `{excerpt(path)}`, which lies outside of the wheel")
        stated = (digest, size)
        if seen.setdefault(path, stated) != stated:
            raise ArchiveError(f"`RECORD` lists `{excerpt(path)}` twice, with different hashes or sizes")
        if size and path in sizes and size != str(sizes[path]):
            raise ArchiveError(f"`RECORD` states another size for `{excerpt(path)}` than it has")


def rewrite_record(
    rows: Iterable[tuple[str, str, str]],
    installed: Mapping[str, str],
    changed: Mapping[str, bytes],
    generated: Mapping[str, bytes],
) -> bytes:
    """The RECORD of an installation, row for row as pip writes it.

    `rows` are the wheel's; `installed` maps paths in the wheel to paths in the installation, `changed`
    and `generated` hold the contents of files by path in the installation. A file that keeps its
    contents keeps its hash as the wheel states it, none if it states none.
    """
    left = dict(installed)
    out = []
    for path, digest, size in rows:
        new = left.pop(path, path)
        out.append(_row(new, changed[new]) if new in changed else (new, digest, size))
    out.extend(_row(path, data) for path, data in generated.items())
    out.extend((path, "", "") for path in left.values())
    return _write_rows(sorted(out)).encode()


def _write_rows(rows: list[tuple[str, str, str]]) -> str:
    """The rows as csv writes them, which for plain fields takes twice as long as to join them."""
    plain = "".join([f"{path},{digest},{size}\r\n" for path, digest, size in rows])
    if '"' not in plain and plain.count(",") == 2 * len(rows) and len(plain.splitlines()) == len(rows):
        return plain
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue()


def _row(path: str, data: bytes) -> tuple[str, str, str]:
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
    return path, f"sha256={digest}", str(len(data))
