"""The name that OpenSSL looks certificates up by in a folder: `<hash of the subject>.<number>`.

The hash is the first four bytes, least significant first, of the SHA-1 over the subject's canonical
encoding (OpenSSL, X509_NAME_hash_ex): text as UTF-8, trimmed, in lower case, blanks in it single.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator
from typing import Final

from envbuild.core.errors import ArchiveError
from envbuild.core.pattern import compile_later

_PEM: Final = compile_later(rb"-----BEGIN (?:TRUSTED )?CERTIFICATE-----\s++([A-Za-z0-9+/=\s]++)-----END")
_SEQUENCE: Final = 0x30
_VERSION: Final = 0xA0  # [0], explicit (RFC 5280, 4.1)
_UTF8: Final = 0x0C
_ENCODINGS: Final = {
    _UTF8: "utf-8",
    0x13: "ascii",  # PrintableString
    0x14: "latin-1",  # TeletexString, which OpenSSL takes for Latin-1
    0x16: "ascii",  # IA5String
    0x1A: "ascii",  # VisibleString
    0x1C: "utf-32-be",  # UniversalString
    0x1E: "utf-16-be",  # BMPString
}
_BLANKS: Final = " \t\n\v\f\r"
_UPPER_TO_LOWER: Final = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}


def subject_hash(pem: bytes) -> str:
    """The eight hex digits for a PEM certificate; raises ArchiveError where it is none."""
    match = _PEM.search(pem)
    if not match:
        raise ArchiveError("a CA certificate is not in PEM form")
    try:
        canonical = b"".join(map(_canonical_set, _items(_subject(base64.b64decode(match[1])))))
    except (IndexError, ValueError):
        raise ArchiveError("a CA certificate is malformed") from None
    digest = hashlib.sha1(canonical, usedforsecurity=False).digest()
    return digest[3::-1].hex()


def _subject(certificate: bytes) -> bytes:
    """The contents of the subject (RFC 5280, 4.1): the name behind issuer and validity."""
    _, outer, _ = _item(certificate, 0)
    _, signed, _ = _item(outer, 0)
    parts = [(tag, contents) for tag, contents in _items(signed) if tag != _VERSION]
    return parts[4][1]  # serial number, algorithm, issuer, validity, subject


def _canonical_set(item: tuple[int, bytes]) -> bytes:
    """A relative name with its attributes' values in canonical form."""
    tag, attributes = item
    pairs = []
    for _, attribute in _items(attributes):
        (key_tag, key), (value_tag, value) = _items(attribute)
        pairs.append(_encode(_SEQUENCE, _encode(key_tag, key) + _canonical_value(value_tag, value)))
    return _encode(tag, b"".join(sorted(pairs)))


def _canonical_value(tag: int, value: bytes) -> bytes:
    encoding = _ENCODINGS.get(tag)
    if encoding is None:
        return _encode(tag, value)
    text = re.sub(f"[{_BLANKS}]+", " ", value.decode(encoding).strip(_BLANKS))
    return _encode(_UTF8, text.translate(_UPPER_TO_LOWER).encode())


def _items(contents: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(contents):
        tag, inner, at = _item(contents, at)
        yield tag, inner


def _item(data: bytes, at: int) -> tuple[int, bytes, int]:
    """The tag and contents at an offset, and the offset behind (X.690, definite lengths)."""
    tag, length = data[at], data[at + 1]
    at += 2
    if length & 0x80:
        count = length & 0x7F
        length = int.from_bytes(data[at : at + count])
        at += count
    if at + length > len(data):
        raise IndexError
    return tag, data[at : at + length], at + length


def _encode(tag: int, contents: bytes) -> bytes:
    length = len(contents)
    if length < 0x80:
        return bytes((tag, length)) + contents
    size = length.to_bytes((length.bit_length() + 7) // 8)
    return bytes((tag, 0x80 | len(size))) + size + contents
