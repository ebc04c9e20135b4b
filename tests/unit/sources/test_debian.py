"""A mirror on loopback whose release files are signed by keys made here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from shutil import rmtree

import pytest

from envbuild.core.digest import Digest
from envbuild.core.errors import SourceError
from envbuild.core.events import Event, Note
from envbuild.sources.debian import DebianSource, Suite
from envbuild.sources.debian_signature import Keyring, verify_signature
from envbuild.sources.http import HttpClient, Patience
from envbuild.store.disk import DiskStore
from tests.makers.debian import Deb, Mirror, Signer, entry, serve, signers

SUITE = Suite("testing", ("main",), "amd64")
TOOL = Deb("tool", "1.0-1", [entry("./usr/bin/tool", b"tool")], fields={"Depends": "libtool"})


@pytest.fixture(scope="module")
def keys() -> Iterator[list[Signer]]:
    """A valid key, another one, and one that expired in 2020."""
    with signers("never", "never", "1d") as made:
        yield made


class Kept:
    """A sink that keeps what it is told."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def emit(self, event: Event) -> None:
        self.events.append(event)


@dataclass(frozen=True)
class Site:
    """A mirror that is being served, and a source that reads from it."""

    mirror: Mirror
    source: DebianSource
    asked: list[str]
    sink: Kept
    store: DiskStore

    def spoil(self, pattern: str, old: bytes, new: bytes) -> None:
        """Change the files below the mirror whose path matches."""
        for path in self.mirror.root.glob(pattern):
            path.write_bytes(path.read_bytes().replace(old, new))


@pytest.fixture
def site(tmp_path: Path, keys: list[Signer]) -> Iterator[Site]:
    mirror = Mirror(tmp_path / "mirror", keys[0])
    mirror.root.mkdir()
    mirror.publish("testing", [TOOL, Deb("libtool")])
    http = HttpClient(patience=Patience(attempts=2, pause=0))
    sink = Kept()
    with serve(mirror.root) as (url, asked):
        source = DebianSource("debian", (url,), keys[0].keyring, http, tmp_path / "cache", sink)
        yield Site(mirror, source, asked, sink, DiskStore(tmp_path / "store"))
    http.close()


def digest_of(site: Site, deb: Deb) -> Digest:
    return Digest.of((site.mirror.root / deb.file).read_bytes())


def test_index(site: Site) -> None:
    (tool,) = site.source.index(SUITE).versions("tool")
    assert (tool.version, tool.row.file) == ("1.0-1", TOOL.file)
    assert Digest(tool.row.sha256, int(tool.row.size)) == digest_of(site, TOOL)
    assert site.sink.events == []


def test_an_index_is_fetched_and_parsed_once(site: Site) -> None:
    first = site.source.index(SUITE).names
    assert site.source.index(SUITE).names == first
    assert sum("by-hash" in path for path in site.asked) == 1
    assert sum("InRelease" in path for path in site.asked) == 2


def test_without_by_hash(site: Site) -> None:
    site.mirror.publish("testing", [TOOL], release={"Acquire-By-Hash": "no"})
    assert site.source.index(SUITE).names == ("tool",)
    assert not any("by-hash" in path for path in site.asked)


def test_a_mirror_that_keeps_no_by_hash(site: Site) -> None:
    # Partial mirrors serve the archive's own release file, which promises it.
    rmtree(site.mirror.root / "dists/testing/main/binary-amd64/by-hash")
    assert site.source.index(SUITE).versions("tool")


def test_a_cache_that_is_damaged_or_cannot_be_written(site: Site) -> None:
    site.source.index(SUITE)
    (kept,) = site.source.cache.iterdir()
    kept.write_text("something else")
    assert site.source.index(SUITE).versions("tool")
    blocked = replace(site.source, cache=kept / "below a file")
    assert blocked.index(SUITE).versions("tool")


def refusal(site: Site, suite: Suite = SUITE) -> SourceError:
    with pytest.raises(SourceError) as caught:
        site.source.index(suite)
    assert caught.value.hint
    return caught.value


def test_release_changed_after_it_was_signed(site: Site) -> None:
    site.spoil("dists/testing/InRelease", b"Origin: Test", b"Origin: Evil")
    assert "bad signature" in refusal(site).message


def test_release_signed_by_a_stranger(site: Site, keys: list[Signer]) -> None:
    replace(site.mirror, signer=keys[1]).publish("testing", [TOOL])
    assert "signed by no key" in refusal(site).message


def test_release_with_its_signature_beside_it(site: Site, keys: list[Signer]) -> None:
    site.mirror.publish("testing", [TOOL], detached=True)
    assert site.source.index(SUITE).names == ("tool",)
    site.spoil("dists/testing/Release", b"Origin: Test", b"Origin: Evil")
    assert "bad signature" in refusal(site).message
    replace(site.mirror, signer=keys[1]).publish("testing", [TOOL], detached=True)
    assert "signed by no key" in refusal(site).message
    (site.mirror.root / "dists/testing/Release.gpg").unlink()
    assert "InRelease` answered 404" in refusal(site).message


def test_release_without_signature(site: Site) -> None:
    (site.mirror.root / "dists/testing/InRelease").write_text("Codename: testing\nSHA256:\n")
    assert "no signature" in refusal(site).message


def test_text_outside_of_the_signature_counts_for_nothing(site: Site) -> None:
    path = site.mirror.root / "dists/testing/InRelease"
    path.write_bytes(b"SHA256:\n " + b"0" * 64 + b" 1 main/binary-amd64/Packages\n" + path.read_bytes())
    assert site.source.index(SUITE).versions("tool")


def test_expired_key(site: Site, keys: list[Signer]) -> None:
    signer = keys[2]
    text = signer.sign("Codename: testing\n", "--faked-system-time", "20200101T010000")
    with pytest.raises(SourceError, match="expired key"):
        verify_signature(text, [Keyring(signer.keyring)], "it")


def test_keyring_as_text_and_several_keyrings(keys: list[Signer]) -> None:
    signed = keys[0].sign("text\n")
    keyrings = [Keyring(keys[1].keyring), Keyring(None, keys[0].armored)]
    assert verify_signature(signed, keyrings, "it") == b"text\n"


def test_keyring_that_is_missing(site: Site) -> None:
    with pytest.raises(SourceError, match="cannot read the keyring"):
        replace(site.source, keyring=Path("/nowhere/x.gpg")).index(SUITE)


def test_gpgv_that_is_missing(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert "apt-get install gpgv" in refusal(site).hint


def test_another_suite_under_this_name(site: Site) -> None:
    site.mirror.publish("old", [Deb("tool", "0.1")])
    (site.mirror.root / "dists/old").rename(site.mirror.root / "dists/new")
    with pytest.raises(SourceError, match="signed for another suite: "):
        site.source.index(replace(SUITE, name="new"))


def test_index_that_is_not_what_was_signed(site: Site) -> None:
    site.spoil("dists/testing/main/**/SHA256/*", b"\xfd7zXZ", b"\xfd7zXY")
    assert "not what the signed release file states" in refusal(site).message


def test_index_that_is_longer_than_what_was_signed(site: Site) -> None:
    for path in site.mirror.root.glob("dists/testing/main/**/SHA256/*"):
        path.write_bytes(path.read_bytes() + bytes(1_000_000))
    with pytest.raises(SourceError, match="more than the"):
        site.source.index(SUITE)


def test_component_or_architecture_that_is_not_there(site: Site) -> None:
    assert "`main`" in refusal(site, replace(SUITE, components=("contrib",))).hint
    assert "arm64" in refusal(site, replace(SUITE, architecture="arm64")).message


# Security updates were so until bullseye; the release file says `buster`.
def test_a_suite_with_a_folder(site: Site) -> None:
    site.mirror.publish("buster/updates", [TOOL], release={"Codename": "buster"})
    assert site.source.index(replace(SUITE, name="buster/updates")).versions("tool")
    site.mirror.publish("stretch/updates", [TOOL], release={"Codename": "buster"})
    assert "signed for another suite" in refusal(site, replace(SUITE, name="stretch/updates")).message


def test_suite_that_is_not_there(site: Site) -> None:
    assert "404" in refusal(site, replace(SUITE, name="nonsense")).message


@pytest.mark.parametrize("zone", ["UTC", "+0000", "-0000", ""])
def test_age_is_a_warning(site: Site, zone: str) -> None:
    # A snapshot mirror's release files have all expired.
    until = {"Valid-Until": f"Sat, 01 Jan 2022 00:00:00 {zone}"}
    site.mirror.publish("testing", [TOOL], release=until)
    assert site.source.index(SUITE).versions("tool")
    (note,) = site.sink.events
    assert isinstance(note, Note)
    assert note.level == "warning"
    assert "2022-01-01" in note.message


def test_fetch(site: Site) -> None:
    digest = digest_of(site, TOOL)
    assert site.source.fetch(TOOL.file, digest, site.store.writer) == digest
    assert site.store.read(digest) == TOOL.build()


def test_fetch_of_something_else(site: Site) -> None:
    digest = digest_of(site, TOOL)
    site.spoil("pool/**/tool_*.deb", b"!<arch>", b"!<arcx>")
    with pytest.raises(SourceError, match="sha256"):
        site.source.fetch(TOOL.file, digest, site.store.writer)
    assert not site.store.has(digest)
    assert list(site.store.temporary.iterdir()) == []


def test_fetch_of_a_superseded_package(site: Site) -> None:
    digest = digest_of(site, TOOL)
    (site.mirror.root / TOOL.file).unlink()
    site.mirror.publish("testing", [replace(TOOL, version="1.0-2")])
    with pytest.raises(SourceError) as caught:
        site.source.fetch(TOOL.file, digest, site.store.writer, suite=SUITE, label="//bases:tool")
    assert caught.value.message == (
        "no mirror of `debian` has `tool_1.0-1_amd64.deb` any more: `tool` is at version 1.0-2 now"
    )
    assert "`envbuild lock //bases:tool --upgrade`" in caught.value.hint
    assert "snapshot" in caught.value.hint


def test_several_suites_on_several_mirrors(site: Site, keys: list[Signer], tmp_path: Path) -> None:
    """As security updates are on a mirror of their own; what two suites have is there once."""
    patched = replace(TOOL, version="1.0-1+deb12u1")
    security = Mirror(tmp_path / "security", keys[0])
    security.publish("testing-security", [TOOL, patched])
    both = replace(SUITE, name="testing testing-security")
    with serve(security.root) as (url, _):
        source = replace(site.source, urls=(*site.source.urls, url))
        index = source.index(both)
        found = Digest.of((security.root / patched.file).read_bytes())
        source.fetch(patched.file, found, site.store.writer)
    assert [each.version for each in index.versions("tool")] == ["1.0-1+deb12u1", "1.0-1"]
    assert [each.version for each in index.versions("libtool")] == ["1.0-1"]
    assert site.store.has(found)
    with pytest.raises(SourceError, match="testing-security"):
        site.source.index(both)


def test_next_mirror(site: Site, tmp_path: Path) -> None:
    # One that is away, one that lacks the files; a package that a mirror lacks is taken from the next.
    (tmp_path / "empty").mkdir()
    with serve(tmp_path / "empty") as (empty, _):
        source = replace(site.source, urls=("http://127.0.0.1:9", empty, *site.source.urls))
        assert source.index(SUITE).versions("tool")
        source.fetch(TOOL.file, digest_of(site, TOOL), site.store.writer)
    assert site.store.has(digest_of(site, TOOL))


def test_next_mirror_is_no_way_around_a_signature(site: Site, keys: list[Signer], tmp_path: Path) -> None:
    bad = Mirror(tmp_path / "bad", keys[1])
    bad.publish("testing", [TOOL])
    with serve(bad.root) as (url, _), pytest.raises(SourceError, match="signed by no key"):
        replace(site.source, urls=(url, *site.source.urls)).index(SUITE)


def test_apt_configuration(site: Site, tmp_path: Path, keys: list[Signer]) -> None:
    apt = tmp_path / "apt"
    apt.mkdir()
    line = f"deb [signed-by={keys[0].keyring}] {site.source.urls[0]}/ testing main\n"
    (apt / "sources.list").write_text(line)
    source = replace(site.source, urls=(), keyring=None, apt=apt)
    assert source.index(SUITE).versions("tool")
    source.fetch(TOOL.file, digest_of(site, TOOL), site.store.writer)
    with pytest.raises(SourceError, match="no mirror for `other`") as caught:
        source.index(replace(SUITE, name="other"))
    assert "envbuild.yaml" in caught.value.hint
    with pytest.raises(SourceError, match="no mirror for `tesing`") as caught:
        source.index(replace(SUITE, name="tesing"))
    assert caught.value.hint.startswith("did you mean `testing`? Else name one in envbuild.yaml: ")


def test_apt_configuration_without_mirrors(site: Site, tmp_path: Path) -> None:
    source = replace(site.source, urls=(), apt=tmp_path / "none")
    with pytest.raises(SourceError, match="names no mirror"):
        source.fetch(TOOL.file, digest_of(site, TOOL), site.store.writer)
