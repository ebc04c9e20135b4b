"""Connections: which are used again, which are trusted, and when one is given up."""

from __future__ import annotations

import hashlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from envbuild.core.errors import SourceError
from envbuild.sources.http import HttpClient, Patience, TransportError
from tests.makers.authority import make_authority
from tests.makers.gate import Answer, Asked, Gate, open_gate
from tests.unit.sources.conftest import DATA, DIGEST

pytestmark = pytest.mark.usefixtures("no_settings")
SHORT = Answer(404, b'{"errors": []}')


@pytest.mark.parametrize(
    ("method", "answer"),
    [
        ("HEAD", Answer(200)),
        ("HEAD", Answer(404)),
        ("POST", Answer(202, b"", {"Location": "/u"})),
        ("PUT", Answer(201)),
        ("DELETE", Answer(204)),
        ("GET", SHORT),
        ("GET", Answer(401, b"{}")),
    ],
)
def test_an_answer_that_nobody_reads_leaves_its_connection(method: str, answer: Answer, server: Gate) -> None:
    server.before = lambda asked: answer
    client = HttpClient(patience=Patience(pause=0.001))
    for _ in range(3):
        with client.request(method, f"http://{server.host}/f", body=b"" if method == "POST" else None) as got:
            assert got.status == answer.status
    assert len(server.connections) == 1
    client.close()


def test_a_redirect_leaves_its_connection(http: HttpClient, server: Gate) -> None:
    moved = Answer(302, b"moved", {"Location": "/there"})
    server.before = lambda asked: moved if asked.path == "/here" else SHORT
    for _ in range(3):
        http.get(f"http://{server.host}/here").close()
    assert len(server.connections) == 1


def test_much_that_nobody_reads_is_not_waited_for(http: HttpClient, server: Gate) -> None:
    for _ in range(2):
        http.get(f"http://{server.host}/f").close()
    assert len(server.connections) == 2


def test_a_refused_connection_says_so(http: HttpClient) -> None:
    with pytest.raises(TransportError, match=r"`http://127\.0\.0\.1:1/f` cannot be reached"):
        http.get("http://127.0.0.1:1/f")


def test_a_silent_server_is_given_up(tmp_path: Path) -> None:
    impatient = HttpClient(patience=Patience(read=0.05, attempts=1))
    with socket.create_server(("127.0.0.1", 0)) as listener, pytest.raises(TransportError, match="in time"):
        impatient.get(f"http://127.0.0.1:{listener.getsockname()[1]}/f")


@pytest.fixture
def tls_server(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A TLS server whose authority nobody trusts yet; gives its URL and the authority's certificate."""
    authority = make_authority(tmp_path)

    def answer_or_redirect(asked: Asked) -> Answer:
        return Answer(302, b"", {"Location": asked.query[0][1]}) if asked.query else Answer(200, DATA)

    with open_gate(Gate("", before=answer_or_redirect), authority.vouch(tmp_path, "DNS:localhost")) as gate:
        yield f"https://localhost:{gate.host.rpartition(':')[2]}/f", authority.certificate


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"])
def test_trust_comes_from_the_environment(
    variable: str, tls_server: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, certificate = tls_server
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(TransportError, match="no trusted connection") as caught:
        HttpClient().get(url)
    assert "SSL_CERT_FILE" in caught.value.hint
    assert not caught.value.passing
    monkeypatch.setenv(variable, str(certificate))
    with HttpClient().get(url) as response:
        assert response.read(len(DATA)) == DATA


def test_a_missing_bundle_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere/bundle.pem")
    with pytest.raises(SourceError, match="`REQUESTS_CA_BUNDLE`"):
        HttpClient().get("https://localhost:1/")


def test_tls_is_not_left_by_redirect(
    tls_server: tuple[str, Path], server: Gate, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    url, certificate = tls_server
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with pytest.raises(SourceError, match="unprotected"):
        HttpClient().get(f"{url}?to=http://{server.host}/f")
    assert not server.asked


def test_one_client_serves_many_threads(http: HttpClient, server: Gate, tmp_path: Path) -> None:
    hashes: list[str] = []

    def fetch() -> None:
        with http.get(f"http://{server.host}/f") as response:
            hashes.append(hashlib.sha256(response.read(len(DATA))).hexdigest())

    threads = [threading.Thread(target=fetch) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert hashes == [DIGEST.hash] * 12
