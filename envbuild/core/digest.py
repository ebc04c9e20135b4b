"""Content digests: the identity of every blob, action and definition."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from envbuild.core.dataclass import dataclass
from envbuild.core.errors import EnvbuildError
from envbuild.core.pattern import compile_later
from envbuild.core.text import excerpt

_HEX = compile_later(r"[0-9a-f]{64}\Z")
PREFIX = "sha256:"


class BadDigest(EnvbuildError):
    """A text that should be a sha256 digest is none."""


@dataclass(frozen=True, slots=True, order=True)
class Digest:
    """A blob's sha256 (64 lower-case hex digits) and its size in bytes.

    The pair is the `Digest` message of the Remote Execution API v2; `str()` is the form of the
    OCI image spec, descriptor.md ("sha256:<hex>").
    """

    hash: str
    size: int

    def __str__(self) -> str:
        return PREFIX + self.hash

    @classmethod
    def of(cls, data: bytes) -> Digest:
        """The digest of `data`."""
        return cls(hashlib.sha256(data).hexdigest(), len(data))

    @classmethod
    def parse(cls, text: str, size: int) -> Digest:
        """Read "sha256:<hex>" (or bare hex); raises BadDigest."""
        return cls(parse_sha256(text), size)


def parse_sha256(text: str) -> str:
    """The 64 hex digits of "sha256:<hex>" or of bare hex; raises BadDigest."""
    digits = text.removeprefix(PREFIX)
    if not _HEX.match(digits):
        raise BadDigest(f"`{excerpt(text)}` is not a sha256 digest", hint="use 64 lower-case hex digits")
    return digits


def sha256_of_chunks(chunks: Iterable[bytes]) -> Digest:
    """The digest of the concatenation of `chunks`."""
    digest, size = hashlib.sha256(), 0
    for chunk in chunks:
        digest.update(chunk)
        size += len(chunk)
    return Digest(digest.hexdigest(), size)
