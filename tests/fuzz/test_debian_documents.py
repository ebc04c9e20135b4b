"""A mirror's documents: release files with their signature, indexes, relations; and apt's configuration."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envbuild.core.errors import SourceError
from envbuild.core.platform import Platform
from envbuild.lock.codec import decode_lock, encode_lock
from envbuild.lock.model import Lock, Locked, PlatformLock
from envbuild.sources.apt_config import all_apt_mirrors, apt_mirrors
from envbuild.sources.debian_index import DebianIndex, decode_rows, encode_rows, parse_packages
from envbuild.sources.debian_relations import parse_relations
from envbuild.sources.debian_release import parse_release
from envbuild.sources.debian_signature import Keyring, verify_signature
from envbuild.sources.debian_version import compare_versions, upstream_version
from tests.makers.debian import Signer, signers
from tests.makers.documents import read_or_say, words
from tests.makers.mutants import fuzz, mutants

SHA = "ab" * 32
RELEASE = f"""Suite: stable
Codename: bookworm
Components: main contrib
Acquire-By-Hash: yes
Valid-Until: Sat, 01 Jan 2028 00:00:00 UTC
SHA256:
 {SHA} 12 main/binary-amd64/Packages
 {SHA} 11 main/binary-amd64/Packages.xz
"""
PACKAGES = f"""Package: dash
Version: 0.5.12-2
Priority: required
Provides: sh (= 1), bin-sh
Depends: libc6 (>= 2.36), debianutils | sh:any
Filename: pool/main/d/dash/dash_0.5.12-2_amd64.deb
Size: 97412
SHA256: {SHA}

Package: libc6
Version: 2.36-9
Conflicts: a (<< 1)
Filename: pool/libc6.deb
Size: 1
SHA256: {SHA}
"""
STANZA = """Types: deb
URIs: http://mirror.example/debian
Suites: bookworm
Components: main
Signed-By: /usr/share/keyrings/x.gpg
"""
LINES = words(
    *("deb ", "deb-src ", "[", "]", "signed-by=/x", "http://m.example/ ", "https://[ "),
    *("bookworm ", "main", "\n", "#"),
)
DATES = words(
    "Sat, ", "01 Jan 2028", " 00:00:00", " UTC", " +9999", " -0000", "29 Feb 2027", " ", "99", ":", ","
)
VERSIONS = words("1", ":", "2.36", "-", "~", "+deb12u1", "a", ".", "99999999999", most=8)


@pytest.fixture(scope="module")
def signer() -> Iterator[Signer]:
    with signers("never") as (made,):
        yield made


@pytest.fixture(scope="module")
def signed(signer: Signer) -> bytes:
    return signer.sign(RELEASE)


@fuzz
@given(data=st.data())
def test_no_change_of_what_was_signed_goes_unseen(data: st.DataObject, signer: Signer, signed: bytes) -> None:
    changed = data.draw(mutants(signed))
    text = read_or_say(lambda: verify_signature(changed, [Keyring(signer.keyring)], "x"), SourceError)
    assert text in (None, RELEASE.encode())


@fuzz
@given(data=st.data())
def test_a_keyring_of_any_form(data: st.DataObject, signer: Signer, signed: bytes) -> None:
    keys = data.draw(mutants(signer.armored.encode())).decode("utf-8", "replace")
    text = read_or_say(lambda: verify_signature(signed, [Keyring(None, keys)], "x"), SourceError)
    assert text in (None, RELEASE.encode())


@fuzz
@given(mutants(RELEASE.encode()).map(lambda data: data.decode("utf-8", "replace")))
def test_a_release_file(text: str) -> None:
    release = read_or_say(lambda: parse_release(text), SourceError)
    if release is not None:
        read_or_say(lambda: release.index_files("main", "amd64"), SourceError)


@fuzz
@given(DATES)
def test_a_date(text: str) -> None:
    read_or_say(lambda: parse_release(f"Valid-Until: {text}\nSHA256:\n"), SourceError)


@fuzz
@given(mutants(PACKAGES.encode()).map(lambda data: data.decode("utf-8", "replace")))
def test_an_index_of_packages(text: str) -> None:
    rows = read_or_say(lambda: list(parse_packages(text)), SourceError)
    if rows is None:
        return
    assert decode_rows(encode_rows(rows)) == rows
    index = DebianIndex(rows)
    for name in index.names:
        for package in read_or_say(partial(index.versions, name), SourceError) or ():
            read_or_say(package.depends, SourceError)
            read_or_say(package.conflicts, SourceError)
            read_or_say(partial(package.provided, "sh"), SourceError)
    # What an index offers can be locked, and the lock read again.
    first = {row.name: row for row in rows}.values()
    artifacts = tuple(
        Locked("deb", r.name, r.version, "debian", r.file, r.sha256, int(r.size)) for r in first
    )
    lock = Lock("debian_base", {}, {Platform(): PlatformLock(artifacts)})
    decode_lock(encode_lock(lock), file="x", label="//:x")


@fuzz
@given(words("a", "b", "1", " ", "(", ")", ">=", "<<", "=", ",", "|", ":any", "[amd64]", "<!nocheck>", "\n"))
def test_relations(text: str) -> None:
    for group in read_or_say(lambda: parse_relations(text), SourceError) or ():
        for relation in group:
            read_or_say(partial(relation.allows, "1.0-1"), SourceError)


@fuzz
@given(VERSIONS, VERSIONS)
def test_versions(one: str, other: str) -> None:
    order = read_or_say(lambda: compare_versions(one, other), SourceError)
    if order is not None:
        back = compare_versions(other, one)
        assert (order > 0, order < 0) == (back < 0, back > 0)
    read_or_say(lambda: upstream_version(one), SourceError)


@fuzz
@given(mutants(STANZA.encode()), LINES)
def test_apt_s_configuration(stanzas: bytes, lines: str) -> None:
    with TemporaryDirectory() as folder:
        apt = Path(folder)
        (apt / "sources.list.d").mkdir()
        (apt / "sources.list.d/a.sources").write_bytes(stanzas)
        (apt / "sources.list").write_bytes(lines.encode(errors="surrogatepass"))
        for mirror in all_apt_mirrors(apt):
            assert mirror.url.startswith(("http://", "https://"))
        apt_mirrors("bookworm", "main", apt)


def test_what_nobody_changed_is_read(signer: Signer, signed: bytes) -> None:
    assert verify_signature(signed, [Keyring(None, signer.armored)], "x") == RELEASE.encode()
    assert parse_release(RELEASE).index_files("main", "amd64")[0] == "main/binary-amd64/Packages.xz"
    assert [row.name for row in parse_packages(PACKAGES)] == ["dash", "libc6"]
