"""Connections: which are used again, which are trusted, and when one is given up."""

from __future__ import annotations

import hashlib
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from envbuild.core.errors import SourceError
from envbuild.sources.brief_connections import BriefConnections
from envbuild.sources.connections import PlainHttp
from envbuild.sources.http import HttpClient, Patience, TransportError
from tests.makers.authority import make_authority
from tests.makers.gate import Answer, Asked, Gate, open_gate
from tests.unit.sources.conftest import DATA, DIGEST, MakeHttp

pytestmark = pytest.mark.usefixtures("no_settings")
ONCE = Patience(connect=1, read=1, attempts=1)
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
def test_an_answer_that_nobody_reads_leaves_its_connection(
    method: str, answer: Answer, server: Gate, http: HttpClient
) -> None:
    server.before = lambda asked: answer
    for _ in range(3):
        with http.request(method, f"http://{server.host}/f", body=b"" if method == "POST" else None) as got:
            assert got.status == answer.status
    assert len(server.connections) == 1


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


def test_a_silent_server_is_given_up(make_http: MakeHttp) -> None:
    impatient = make_http(Patience(read=0.05, attempts=1))
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
    variable: str, tls_server: tuple[str, Path], monkeypatch: pytest.MonkeyPatch, make_http: MakeHttp
) -> None:
    url, certificate = tls_server
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(TransportError, match="no trusted connection") as caught:
        make_http(Patience()).get(url)
    assert "SSL_CERT_FILE" in caught.value.hint
    assert not caught.value.passing
    monkeypatch.setenv(variable, str(certificate))
    with make_http(Patience()).get(url) as response:
        assert response.read(len(DATA)) == DATA


def test_a_missing_bundle_is_an_error(monkeypatch: pytest.MonkeyPatch, http: HttpClient) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere/bundle.pem")
    with pytest.raises(SourceError, match="`REQUESTS_CA_BUNDLE`"):
        http.get("https://localhost:1/")


def test_tls_is_not_left_by_redirect(
    tls_server: tuple[str, Path], server: Gate, monkeypatch: pytest.MonkeyPatch, http: HttpClient
) -> None:
    url, certificate = tls_server
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with pytest.raises(SourceError, match="unprotected"):
        http.get(f"{url}?to=http://{server.host}/f")
    assert not server.asked


def test_one_client_serves_many_threads(server: Gate) -> None:
    hashes: list[str] = []
    http = HttpClient(patience=Patience(pause=0.001))

    def fetch() -> None:
        with http.get(f"http://{server.host}/f") as response:
            hashes.append(hashlib.sha256(response.read(len(DATA))).hexdigest())

    threads = [threading.Thread(target=fetch) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert hashes == [DIGEST.hash] * 12
    http.close()


HEAD = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        HEAD,
        HEAD + b"Content-Type: text/plain\r\n",
        HEAD + b"Content-Length: 9\r\n\r\nshort",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nwhole\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nx\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nwhole\r\n0\r\n\r\n",
        HEAD + b"Connection: close\r\n\r\nuntil the end",
        HEAD + b"X-Long: " + b"x" * 100_000 + b"\r\n\r\n",
        HEAD + b"X: 1\r\n" * 200 + b"\r\n",
        b"HTTP/1.0 200 OK\r\n\r\nold",
        HEAD + b"Content-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
        HEAD + b"WWW-Authenticate: Basic\r\nwww-authenticate: Bearer\r\nContent-Length: 0\r\n\r\n",
    ],
)
def test_both_kinds_of_connections_answer_alike(said: bytes) -> None:
    clients = [HttpClient(patience=ONCE), HttpClient(patience=ONCE, connections=BriefConnections(1, 1))]
    outcomes = [_describe_answer(client, said) for client in clients]
    assert outcomes[0] == outcomes[1]


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/f", "http://unknown.invalid/f", "http://a..b:5000/f"])
def test_both_kinds_fail_alike(url: str) -> None:
    clients = [HttpClient(patience=ONCE), HttpClient(patience=ONCE, connections=BriefConnections(1, 1))]
    outcomes = []
    for client in clients:
        with pytest.raises(TransportError) as caught:
            client.get(url)
        outcomes.append((caught.value.message, caught.value.hint, caught.value.passing))
    assert outcomes[0] == outcomes[1]


def test_tls_where_there_is_none_fails_alike(server: Gate, make_http: MakeHttp) -> None:
    with pytest.raises(PlainHttp, match="speaks plain HTTP, no TLS"):
        make_http(ONCE).get(f"https://{server.host}/f")


def _describe_answer(client: HttpClient, said: bytes) -> object:
    """What a client makes of a server that says this, once for each connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        server = threading.Thread(target=_say, args=(listener, said))
        server.start()
        try:
            with client.get(f"http://127.0.0.1:{port}/f") as response:
                login = response.headers.get("WWW-Authenticate")
                return response.status, login, response.read(1000)
        except SourceError as error:
            return type(error), error.message.replace(str(port), "PORT"), error.hint
        finally:
            client.close()
            listener.shutdown(socket.SHUT_RDWR)
            server.join()


def _say(listener: socket.socket, said: bytes) -> None:
    with suppress(OSError):
        while True:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(said)
