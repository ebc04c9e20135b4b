"""The CA certificates: what `update-ca-certificates` makes of the ones that packages bring."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final

from envbuild.archive.nodes import File, Link, Node
from envbuild.archive.subject_hash import subject_hash

_SHARE: Final = "usr/share/ca-certificates/"
_CERTS: Final = "etc/ssl/certs/"
_PLAIN: Final = str.maketrans({" ": "_", ",": "_", "(": "=", ")": "="})


def is_certificate(path: str) -> bool:
    """Whether a package's file is a CA certificate to be trusted."""
    return path.startswith(_SHARE) and path.endswith(".crt")


def certificate_files(templates: Mapping[str, bytes]) -> Iterator[Node]:
    """The bundle, and for each certificate a link by its name and one by its subject's hash."""
    certificates = {path: data for path, data in sorted(templates.items()) if is_certificate(path)}
    if not certificates:
        return
    yield File(f"{_CERTS}ca-certificates.crt", b"".join(map(_ended, certificates.values())))
    listed = "".join(f"{path.removeprefix(_SHARE)}\n" for path in certificates)
    yield File("etc/ca-certificates.conf", listed.encode())
    seen: Counter[str] = Counter()
    for path, data in certificates.items():
        name = path.rpartition("/")[2].removesuffix(".crt").translate(_PLAIN) + ".pem"
        digits = subject_hash(data)
        yield Link(_CERTS + name, f"/{path}")
        yield Link(f"{_CERTS}{digits}.{seen[digits]}", name)
        seen[digits] += 1


def _ended(certificate: bytes) -> bytes:
    """A certificate that ends with its line, so that the next one begins with its own."""
    return certificate if certificate.endswith(b"\n") else certificate + b"\n"
