from __future__ import annotations

import pytest

from envbuild.core.digest import BadDigest, Digest, parse_sha256, sha256_of_chunks

# The example of the OCI image spec's descriptor.md is of another content; this is FIPS 180's "abc".
ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_of_bytes_and_of_chunks() -> None:
    assert Digest.of(b"abc") == sha256_of_chunks([b"a", b"", b"bc"]) == Digest(ABC, 3)


def test_text_forms() -> None:
    assert str(Digest(ABC, 3)) == f"sha256:{ABC}"
    assert Digest.parse(f"sha256:{ABC}", 3) == Digest.parse(ABC, 3) == Digest(ABC, 3)


@pytest.mark.parametrize(
    "text", ["", "sha256:", ABC[:-1], ABC + "0", ABC.upper(), ABC + "\n", f"sha512:{ABC}", "../" + ABC[3:]]
)
def test_anything_else_is_refused(text: str) -> None:
    # A digest becomes a path: nothing but hex may pass.
    with pytest.raises(BadDigest):
        parse_sha256(text)
