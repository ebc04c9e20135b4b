"""Finds secrets wherever they may have got to: in files, in what is packed into files, and in names."""

from __future__ import annotations

import base64
import io
import json
import lzma
import zipfile
import zlib
from collections.abc import Collection, Iterator
from pathlib import Path
from urllib.parse import quote, quote_plus

import zstandard

_DEPTH = 4  # a wheel in a layer in an archive
_MAX = 64 << 20  # of what is unpacked at once
_GZIP, _ZLIB, _XZ, _ZSTD, _ZIP = b"\x1f\x8b\x08", b"\x78", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd", b"PK\x03\x04"


def find_in_folder(folder: Path, secrets: Collection[str], holders: Collection[str] = ()) -> list[str]:
    """The files below a folder, relative to it, that hold a secret; `holders` are those that may."""
    needles = forms_of(secrets)
    found = []
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if name not in holders and any(_holds(each, needles) for each in (name.encode(), _read(path))):
            found.append(name)
    return found


def _read(path: Path) -> bytes:
    """What a file or link holds."""
    if path.is_symlink():
        return str(path.readlink()).encode()
    return path.read_bytes() if path.is_file() else b""


def has_secret(data: bytes, secrets: Collection[str]) -> bool:
    """Whether some bytes hold a secret, plainly or packed."""
    return _holds(data, forms_of(secrets))


def forms_of(secrets: Collection[str]) -> frozenset[bytes]:
    """A secret as it is, as URLs, JSON and headers write it, and as a part of anything in base64."""
    return frozenset(form for secret in secrets for form in _forms(secret))


def _forms(secret: str) -> Iterator[bytes]:
    plain = {secret, quote(secret, safe=""), quote(secret), quote_plus(secret), json.dumps(secret)[1:-1]}
    for text in plain:
        yield text.encode()
        yield text.encode().hex().encode()
        for before in range(3):  # bytes before it in its group of three
            yield from _in_base64(text.encode(), before)


def _in_base64(data: bytes, before: int) -> set[bytes]:
    """The letters that depend on these bytes alone, whatever stands around them (RFC 4648, section 4)."""
    whole = (before + len(data)) // 3 * 3 - before
    padded = bytes(before) + data[:whole]
    cut = -(-before * 8 // 6)
    return {base64.b64encode(padded)[cut:], base64.urlsafe_b64encode(padded)[cut:]}


def _holds(data: bytes, needles: frozenset[bytes], depth: int = _DEPTH) -> bool:
    if any(needle in data for needle in needles):
        return True
    return depth > 0 and any(_holds(inner, needles, depth - 1) for inner in _unpack(data))


def _unpack(data: bytes) -> Iterator[bytes]:
    """What is packed anywhere in some bytes: gzip members, zips, xz and zstd streams."""
    if members := b"".join(_inflate_all(data)):
        yield members
    if data.startswith(_XZ):
        yield lzma.decompress(data)
    if data.startswith(_ZSTD):
        yield zstandard.ZstdDecompressor().decompressobj().decompress(data)
    if data.startswith(_ZIP) and zipfile.is_zipfile(io.BytesIO(data)):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            yield from (archive.read(name) for name in archive.namelist())
            yield from (name.encode() for name in archive.namelist())
    if data.startswith(_ZLIB) and (stream := _inflate(data, zlib.MAX_WBITS)):
        yield stream[0]


def _inflate_all(data: bytes) -> Iterator[bytes]:
    """The contents of all gzip members, wherever they begin."""
    at = data.find(_GZIP)
    while at >= 0:
        member = _inflate(data[at:], zlib.MAX_WBITS | 16)
        if member:
            yield member[0]
        at = data.find(_GZIP, at + (member[1] if member else 1))


def _inflate(data: bytes, container: int) -> tuple[bytes, int] | None:
    """The contents of a stream, and how many bytes it takes; None where there is none."""
    inflater = zlib.decompressobj(container)
    try:
        contents = inflater.decompress(data, _MAX)
    except zlib.error:
        return None
    return contents, max(1, len(data) - len(inflater.unused_data))
