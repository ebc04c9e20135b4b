"""The scanner for secrets finds what is planted: else all that rests on it would hold for nothing."""

from __future__ import annotations

import base64
import gzip
import io
import json
import lzma
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest
import zstandard

from tests.makers.secrets import find_in_folder, has_secret

SECRET = 'sec/ret+7f3a@"é'
RAW = SECRET.encode()


def zipped(data: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a", data)
    return out.getvalue()


def member(data: bytes) -> bytes:
    return gzip.compress(data, mtime=0)


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "in base64": base64.b64encode,
    "in base64, after one byte": lambda data: base64.b64encode(b"u" + data + b"more"),
    "in base64, after two bytes": lambda data: base64.b64encode(b"u:" + data + b"x"),
    "in base64 for URLs": base64.urlsafe_b64encode,
    "in a URL": lambda data: f"http://u:{quote(data, safe='')}@h/".encode(),
    "in a query": lambda data: f"http://h/?{quote(data)}".encode(),
    "in hexadecimal": lambda data: data.hex().encode(),
    "in JSON": lambda data: json.dumps({"a": [data.decode()]}).encode(),
    "in a gzip file": member,
    "in the second member": lambda data: member(b"one") + member(b"x" + data),
    "across members": lambda data: member(data[:5]) + member(data[5:]),
    "behind something else": lambda data: b"\x1f\x8b\x08 no member" + member(data),
    "in a zlib stream": zlib.compress,
    "in a zip": zipped,
    "in xz": lzma.compress,
    "in zstd": zstandard.ZstdCompressor().compress,
    "in JSON in gzip in a zip": lambda data: zipped(member(json.dumps(data.decode()).encode())),
    "in base64 in gzip": lambda data: member(b"Basic " + base64.b64encode(b"user:" + data)),
}


@pytest.mark.parametrize("how", PACKERS)
def test_planted(how: str, tmp_path: Path) -> None:
    planted = PACKERS[how](RAW)
    assert has_secret(planted, {"other", SECRET})
    (tmp_path / "below").mkdir()
    (tmp_path / "below/file").write_bytes(planted)
    (tmp_path / "clean").write_bytes(PACKERS[how]("no such thing, é".encode()))
    assert find_in_folder(tmp_path, {SECRET}) == ["below/file"]
    assert find_in_folder(tmp_path, {SECRET}, holders={"below/file"}) == []


def test_planted_in_names(tmp_path: Path) -> None:
    (tmp_path / "with-s3cret").mkdir()
    (tmp_path / "link").symlink_to("/nowhere/s3cret")
    (tmp_path / "clean").symlink_to("with")
    assert find_in_folder(tmp_path, {"s3cret"}) == ["link", "with-s3cret"]
