"""Headers are read as tarfile reads them, whatever is in them."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from typing import Any, Final, Literal

import pytest

from envbuild.archive.tar_entry import FastTarInfo

Form = Literal[0, 1]
FORMATS: Final[dict[str, Form]] = {"ustar": 0, "gnu": 1}  # as tarfile numbers them
BYTES = (0x00, 0x20, 0x2B, 0x2F, 0x31, 0x38, 0x5F, 0x80, 0xFF)


def make_header(kind: bytes, form: Form, **stated: Any) -> bytes:
    entry = tarfile.TarInfo("folder/name")
    entry.type, entry.mtime, entry.uname, entry.gname = kind, 1_700_000_000, "user", "group"
    for name, value in stated.items():
        setattr(entry, name, value)
    return entry.tobuf(form)[:512]


def read(cls: type[tarfile.TarInfo], header: bytes) -> dict[str, Any] | str:
    """All that a header says, or how it is refused."""
    try:
        found = cls.frombuf(header, "utf-8", "surrogateescape")
    except tarfile.HeaderError as error:
        return type(error).__name__ + str(error)
    names = set(tarfile.TarInfo.__slots__) - {"_link_target"}
    return {name: getattr(found, name, None) for name in names}


def sum_up(header: bytes) -> bytes:
    """The header with the checksum that it should have."""
    total = sum(header) - sum(header[148:156]) + 8 * 32
    return header[:148] + b"%06o\0 " % total + header[156:]


def headers() -> Iterator[bytes]:
    for form in FORMATS.values():
        for kind in (b"0", b"\0", b"1", b"2", b"3", b"5", b"6", b"7", b"L", b"S", b"x"):
            yield make_header(kind, form, linkname="target" if kind in b"12" else "")
        yield make_header(b"0", form, name="données", uid=0o7777777, size=0o77777777777)
        yield make_header(b"5", form, name="folder/")
    yield make_header(b"0", FORMATS["ustar"], name="a" * 90 + "/" + "b" * 90)
    yield make_header(b"5", FORMATS["ustar"], name="a" * 90 + "/" + "b" * 90 + "/")
    yield make_header(b"0", FORMATS["gnu"], uid=1 << 30, size=1 << 40)  # numbers to the base of 256
    yield from (b"", bytes(512), bytes(511), b"x" * 513)


@pytest.mark.parametrize("header", list(headers()))
def test_a_header_says_what_it_says_to_tarfile(header: bytes) -> None:
    assert read(FastTarInfo, header) == read(tarfile.TarInfo, header)


@pytest.mark.parametrize("form", FORMATS)
def test_a_byte_that_is_another(form: str) -> None:
    header = make_header(b"0", FORMATS[form])
    for at in range(512):
        for byte in BYTES:
            changed = header[:at] + bytes((byte,)) + header[at + 1 :]
            for each in (changed, sum_up(changed)):
                assert read(FastTarInfo, each) == read(tarfile.TarInfo, each), (at, byte)


def test_plain_headers_need_no_tarfile(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a plain header was left to tarfile")

    monkeypatch.setattr(tarfile.TarInfo, "frombuf", refuse)
    for form in FORMATS.values():
        for kind in (b"0", b"1", b"2", b"5"):
            assert FastTarInfo.frombuf(make_header(kind, form), "utf-8", "strict").name == "folder/name"
