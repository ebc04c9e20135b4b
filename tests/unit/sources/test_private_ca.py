"""Sources under TLS with a private authority: trusted where it is named, refused elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from envbuild.core.errors import SourceError
from tests.makers.authority import Authority, make_authority
from tests.makers.debian import Signer, signers
from tests.makers.faulty import File, Site, run_site
from tests.makers.sources import QUESTIONS, Question, World, mirror_files

each = pytest.mark.parametrize(
    "question",
    [
        question
        for question in QUESTIONS
        if question.name in ("page-html", "wheel", "metadata", "release", "deb")
    ],
    ids=lambda question: question.name,
)


@dataclass(frozen=True)
class Secure:
    """A world whose site speaks TLS, the certificate that it shows, and another one."""

    world: World
    certificate: Path
    other: Path


@pytest.fixture(scope="module")
def signer() -> Iterator[Signer]:
    with signers("never") as (made,):
        yield made


@pytest.fixture(scope="module")
def mirror(signer: Signer, tmp_path_factory: pytest.TempPathFactory) -> dict[str, File]:
    return mirror_files(tmp_path_factory.mktemp("mirror"), signer)


@pytest.fixture(scope="module")
def authorities(tmp_path_factory: pytest.TempPathFactory) -> list[Authority]:
    return [make_authority(tmp_path_factory.mktemp(name)) for name in ("ours", "other")]


@pytest.fixture
def secure(
    signer: Signer,
    mirror: dict[str, File],
    authorities: list[Authority],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Secure]:
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    ours, other = authorities
    with run_site(Site(mirror), ours.vouch(tmp_path, "DNS:localhost")) as site:
        world = World(site, tmp_path / "cache", signer.keyring)
        yield Secure(world, ours.certificate, other.certificate)
        world.http.close()


def prepare(secure: Secure, question: Question) -> World:
    secure.world.site.files = question.files(secure.world.site.files)
    return secure.world


@each
def test_the_right_authority(secure: Secure, question: Question, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(secure.certificate))
    assert question.ask(prepare(secure, question)) == question.right


@each
@pytest.mark.parametrize("named", [False, True], ids=["none", "another"])
def test_no_authority_or_another(
    secure: Secure, question: Question, monkeypatch: pytest.MonkeyPatch, named: bool
) -> None:
    if named:
        monkeypatch.setenv("SSL_CERT_FILE", str(secure.other))
    world = prepare(secure, question)
    with pytest.raises(SourceError, match="no trusted connection") as caught:
        question.ask(world)
    assert [name for name in question.names if name not in caught.value.message] == []
    assert "SSL_CERT_FILE" in caught.value.hint
    assert (world.kept(), world.waits, world.site.asked) == ([], [], [])
