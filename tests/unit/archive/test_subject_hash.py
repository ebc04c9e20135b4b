from __future__ import annotations

import base64

import pytest

from envbuild.archive.subject_hash import subject_hash
from envbuild.core.errors import ArchiveError
from tests.makers.certificates import ODD, ODD_HASH, PLAIN, PLAIN_HASH


@pytest.mark.parametrize(("certificate", "digits"), [(ODD, ODD_HASH), (PLAIN, PLAIN_HASH)])
def test_same_as_openssl(certificate: bytes, digits: str) -> None:
    assert subject_hash(certificate) == digits


def armored(data: bytes) -> bytes:
    return b"-----BEGIN CERTIFICATE-----\n" + base64.encodebytes(data) + b"-----END CERTIFICATE-----\n"


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"no certificate",
        b"-----BEGIN CERTIFICATE-----\nAAA\n-----END CERTIFICATE-----\n",  # no base64
        b"-----BEGIN CERTIFICATE-----" + b"\n" * 500_000,  # in quadratic time it would run for hours
        armored(b"\x30"),
        armored(b"\x30\x84\xff\xff\xff\xff"),  # a length far over the end
        armored(b"\x30\x02\x30\x00"),  # nothing in it
        armored(
            b"\x30\x12\x30\x10\x02\x00\x30\x00\x30\x00\x30\x00\x30\x06\x31\x04\x30\x02\x06\x00"
        ),  # an attribute without value
        armored(b"\x30\x0d\x30\x0b\x02\x00\x30\x00\x30\x00\x30\x00\x30\x01\x00"),  # a subject that ends early
    ],
)
def test_broken(broken: bytes) -> None:
    with pytest.raises(ArchiveError):
        subject_hash(broken)
