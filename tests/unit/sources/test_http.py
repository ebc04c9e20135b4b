from __future__ import annotations

import gzip
import hashlib
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from pathlib import Path

import pytest

from envbuild.core.digest import Digest
from envbuild.core.errors import SourceError
from envbuild.sources.http import HttpClient, Patience, StatusError, TransportError, redact
from envbuild.sources.url import is_loopback, origin, split_login
from envbuild.store.disk import DiskStore
from tests.makers.authority import make_authority
from tests.makers.gate import Answer, Asked, Gate, open_gate

DATA = bytes(range(256)) * 4096
DIGEST = Digest.of(DATA)
PAST = formatdate(0, usegmt=True)


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing of this machine's own proxies and logins."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))


@pytest.fixture
def server() -> Iterator[Gate]:
    with open_gate(Gate("", before=lambda asked: Answer(200, DATA))) as gate:
        yield gate


@pytest.fixture
def http() -> Iterator[HttpClient]:
    client = HttpClient(patience=Patience(pause=0.001))
    yield client
    client.close()


def download(http: HttpClient, url: str, store: DiskStore, expected: Digest = DIGEST) -> Digest:
    with store.writer() as writer:
        return http.download(url, writer, expected)


def test_a_download_is_verified_and_stored(http: HttpClient, server: Gate, tmp_path: Path) -> None:
    store, done = DiskStore(tmp_path), list[int]()
    with store.writer() as writer:
        http.download(f"http://{server.host}/f", writer, DIGEST, progress=done.append)
    assert store.read(DIGEST) == DATA
    assert done[-1] == len(DATA)


@pytest.mark.parametrize(
    ("expected", "message"),
    [
        (Digest("0" * 64, len(DATA)), "is locked"),
        (Digest(DIGEST.hash, len(DATA) - 1), "larger than"),
        (Digest(DIGEST.hash, len(DATA) + 1), "ended after"),
    ],
)
def test_other_bytes_are_refused(
    expected: Digest, message: str, http: HttpClient, server: Gate, tmp_path: Path
) -> None:
    store = DiskStore(tmp_path)
    with pytest.raises(SourceError, match=message):
        download(http, f"http://{server.host}/f", store, expected)
    assert not list(store.temporary.iterdir())
    assert store.missing([DIGEST]) == {DIGEST}


@contextmanager
def breaking(pieces: list[bytes]) -> Iterator[tuple[str, list[bytes]]]:
    """A server that answers each connection with the next of `pieces` and hangs up; keeps the requests."""
    asked: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            for piece in pieces:
                connection, _ = listener.accept()
                with connection:
                    asked.append(connection.recv(65536))
                    connection.sendall(piece)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/f", asked
        thread.join()


def answer(head: str, body: bytes) -> bytes:
    return f"HTTP/1.1 {head}\r\nConnection: close\r\n\r\n".encode() + body


WHOLE = f"200 OK\r\nContent-Length: {len(DATA)}"


def test_a_broken_download_goes_on_where_it_stopped(http: HttpClient, tmp_path: Path) -> None:
    rest = f"206 Partial Content\r\nContent-Range: bytes 5000-{len(DATA) - 1}/{len(DATA)}"
    rest += f"\r\nContent-Length: {len(DATA) - 5000}"
    with breaking([answer(WHOLE, DATA[:5000]), answer(rest, DATA[5000:])]) as (url, asked):
        assert download(http, url, DiskStore(tmp_path)) == DIGEST
    assert b"Range: bytes=5000-" in asked[1]


def test_a_server_that_knows_no_ranges_starts_again(http: HttpClient, tmp_path: Path) -> None:
    with breaking([answer(WHOLE, DATA[:5000]), answer(WHOLE, DATA)]) as (url, _):
        assert download(http, url, DiskStore(tmp_path)) == DIGEST


def test_a_server_that_gives_another_range_is_refused(http: HttpClient, tmp_path: Path) -> None:
    other = "206 Partial Content\r\nContent-Range: bytes 0-9/10\r\nContent-Length: 10"
    with (
        breaking([answer(WHOLE, DATA[:5000]), answer(other, DATA[:10])]) as (url, _),
        pytest.raises(SourceError, match="another range"),
    ):
        download(http, url, DiskStore(tmp_path))


def test_a_download_that_keeps_breaking_off_is_an_error(http: HttpClient, tmp_path: Path) -> None:
    with (
        breaking([answer(WHOLE, DATA[:10])] * 3) as (url, _),
        pytest.raises(TransportError, match="broke off"),
    ):
        download(http, url, DiskStore(tmp_path))


def test_a_page_that_breaks_off_is_asked_for_again(http: HttpClient) -> None:
    with breaking([answer(WHOLE, DATA[:10])] * 2 + [answer(WHOLE, DATA)]) as (url, _):
        assert http.read(url, len(DATA)).body == DATA


def test_a_page_that_keeps_breaking_off_is_an_error(http: HttpClient) -> None:
    with (
        breaking([answer(WHOLE, DATA[:10])] * 3) as (url, asked),
        pytest.raises(TransportError, match="broke off"),
    ):
        http.read(url, len(DATA))
    assert len(asked) == 3


def test_statuses_come_back_as_they_are(http: HttpClient, server: Gate) -> None:
    server.before = lambda asked: Answer(404, b"none")
    with http.get(f"http://{server.host}/f") as response:
        assert (response.status, response.read(10)) == (404, b"none")
    with (
        pytest.raises(StatusError, match=r"404 \(not found\)") as caught,
        http.get(f"http://robin:secret@{server.host}/f?token=secret") as response,
    ):
        response.expect(200)
    assert "secret" not in str(caught.value)
    assert caught.value.status == 404


def test_reading_is_bounded(http: HttpClient, server: Gate) -> None:
    with http.get(f"http://{server.host}/f") as response:
        assert response.read(len(DATA)) == DATA
    with http.get(f"http://{server.host}/f") as response, pytest.raises(SourceError, match="more than"):
        response.read(len(DATA) - 1)


def test_reading_is_bounded_after_decoding(http: HttpClient, server: Gate) -> None:
    """A few bytes may inflate to any number."""
    server.before = lambda asked: Answer(200, gzip.compress(bytes(10 << 20)), {"Content-Encoding": "gzip"})
    with http.get(f"http://{server.host}/f") as response, pytest.raises(SourceError, match="more than"):
        response.read(1 << 20)


def test_streams_are_as_sent(http: HttpClient, server: Gate) -> None:
    """Servers call `.tar.gz` files gzip-coded: their digest is that of the coded bytes."""
    coded = gzip.compress(DATA)
    server.before = lambda asked: Answer(200, coded, {"Content-Encoding": "gzip"})
    with http.get(f"http://{server.host}/f") as response:
        assert b"".join(response.stream(1000)) == coded
    assert server.asked[0].headers["accept-encoding"] == "identity"


class Failing:
    """Fails some times, then answers."""

    def __init__(self, times: int, status: int, **headers: str) -> None:
        self._left, self._status = times, status
        self._headers = {name.replace("_", "-"): value for name, value in headers.items()}

    def __call__(self, asked: Asked) -> Answer:
        self._left -= 1
        return Answer(self._status, b"", self._headers) if self._left >= 0 else Answer(200, DATA)


# A server says how long to wait, up to a limit; else the waits double.
@pytest.mark.parametrize(
    ("retry_after", "waits"),
    [
        ("0", [0, 0]),
        ("7", [7, 7]),
        ("86400", [20, 20]),
        (formatdate(0, usegmt=True), [0, 0]),
        ("soon", [2, 4]),
    ],
)
def test_passing_statuses_are_tried_again(retry_after: str, waits: list[float], server: Gate) -> None:
    waited: list[float] = []
    http = HttpClient(patience=Patience(pause=2), wait=waited.append)
    server.before = Failing(2, 503, Retry_After=retry_after)
    with http.get(f"http://{server.host}/f") as response:
        assert response.status == 200
    assert len(server.asked) == 3
    assert waited == waits


def test_what_is_not_idempotent_is_tried_once(http: HttpClient, server: Gate) -> None:
    server.before = Failing(1, 503)
    with http.request("POST", f"http://{server.host}/f", body=b"x") as response:
        assert response.status == 503
    assert len(server.asked) == 1


def test_a_file_is_sent_from_its_start_each_time(http: HttpClient, server: Gate, tmp_path: Path) -> None:
    path = tmp_path / "body"
    path.write_bytes(DATA)
    server.before = Failing(1, 500)
    with path.open("rb") as file:
        file.seek(7)
        with http.request("PUT", f"http://{server.host}/f", body=file, retried=True) as response:
            assert response.status == 200
    assert [asked.body for asked in server.asked] == [DATA, DATA]
    assert server.asked[0].headers["content-length"] == str(len(DATA))


def test_credentials_follow_within_an_origin_only(http: HttpClient, server: Gate) -> None:
    with open_gate(Gate("", before=lambda asked: Answer(200))) as other:

        def redirect(asked: Asked) -> Answer:
            to = {"/a": "/b", "/b": f"http://robin:other@{other.host}/c"}[asked.path]
            return Answer(302, b"", {"Location": to})

        server.before = redirect
        with http.get(f"http://robin:secret@{server.host}/a", {"Cookie": "c"}) as response:
            assert response.url == f"http://{other.host}/c"
        assert [asked.headers.get("authorization", "")[:5] for asked in server.asked] == ["Basic", "Basic"]
        assert not {"authorization", "cookie"} & other.asked[0].headers.keys()


def test_what_a_post_sends_stays_at_its_origin(http: HttpClient, server: Gate) -> None:
    """A form may hold a refresh token; 307 and 308 would have it sent again."""
    with open_gate(Gate("", before=lambda asked: Answer(200))) as other:
        server.before = lambda asked: Answer(307, b"", {"Location": f"http://{other.host}/token"})
        with pytest.raises(SourceError, match="redirects what was sent to it to"):
            http.request("POST", f"http://{server.host}/token", body=b"refresh_token=secret")
        assert other.asked == []


@pytest.mark.parametrize("host", ["h\x1b", "a b", "a..b", "a" * 64])
def test_a_redirect_to_no_host_at_all_is_not_tried_again(host: str, http: HttpClient, server: Gate) -> None:
    server.before = lambda asked: Answer(302, b"", {"Location": f"http://{host}/"})
    with pytest.raises(TransportError, match="is no URL that can be asked") as caught:
        http.get(f"http://{server.host}/f")
    assert not caught.value.passing
    assert len(server.asked) == 1


def test_a_url_without_end_is_not_shown_whole() -> None:
    assert redact(f"https://host.example/{'a' * 100_000}?b") == f"https://host.example/{'a' * 979}...?..."


def test_endless_redirects_are_an_error(http: HttpClient, server: Gate) -> None:
    server.before = lambda asked: Answer(302, b"", {"Location": "/again"})
    with pytest.raises(SourceError, match="redirects too often"):
        http.get(f"http://{server.host}/f")


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://host/", "http://host:port/"])
def test_redirects_lead_to_http_only(target: str, http: HttpClient, server: Gate) -> None:
    server.before = lambda asked: Answer(302, b"", {"Location": target})
    with pytest.raises(SourceError, match="no http or https URL"):
        http.get(f"http://{server.host}/f")


def test_a_redirect_to_nonsense_is_an_error(http: HttpClient, server: Gate) -> None:
    server.before = lambda asked: Answer(302, b"", {"Location": "https://["})
    with pytest.raises(SourceError, match="malformed URL"):
        http.get(f"http://{server.host}/f")


def test_a_body_is_not_sent_elsewhere_by_a_redirect_that_drops_it(http: HttpClient, server: Gate) -> None:
    server.before = lambda asked: Answer(302, b"", {"Location": "/elsewhere"})
    with http.request("PUT", f"http://{server.host}/f", body=b"x") as response:
        assert response.status == 302
    assert len(server.asked) == 1


def test_logins_come_from_netrc(http: HttpClient, server: Gate, tmp_path: Path) -> None:
    (tmp_path / "netrc").write_text(
        "machine 127.0.0.1 login robin password secret\ndefault login a password b\n"
    )
    http.get(f"http://{server.host}/f").close()
    http.get(f"http://{server.host}/f", {"authorization": "Bearer t"}).close()
    assert server.asked[0].headers["authorization"] == "Basic cm9iaW46c2VjcmV0"
    assert server.asked[1].headers["authorization"] == "Bearer t"


def test_a_broken_netrc_is_an_error(http: HttpClient, server: Gate, tmp_path: Path) -> None:
    (tmp_path / "netrc").write_text("machine")
    with pytest.raises(SourceError, match="netrc file"):
        http.get(f"http://{server.host}/f")


def test_proxies_are_used_but_not_for_this_machine(
    http: HttpClient, server: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", f"http://proxy-user:proxy-pass@{server.host}")
    with http.get("http://somewhere.invalid/f") as response:
        assert response.read(len(DATA)) == DATA
    assert server.asked[0].target == "http://somewhere.invalid/f"
    assert server.asked[0].headers["proxy-authorization"].startswith("Basic ")
    http.get(f"http://{server.host}/g").close()
    assert server.asked[1].target == "/g"
    monkeypatch.setenv("no_proxy", "somewhere.invalid")
    with pytest.raises(TransportError, match="is unknown"):
        HttpClient(patience=Patience(pause=0.001)).get("http://somewhere.invalid/f")


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


def test_a_client_costs_nothing_before_its_first_request() -> None:
    program = "import sys; from envbuild.sources.http import HttpClient; HttpClient(); "
    program += "print(sorted({'urllib3', 'ssl', 'socket', 'email', 'urllib.request'} & sys.modules.keys()))"
    run = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert run.stdout == "[]\n"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://robin:secret@host.test:8443/a", "https://host.test:8443/a"),
        ("https://token@[::1]:1/a?sig=secret#secret", "https://[::1]:1/a?..."),
        ("http://[", "<malformed URL>"),
        ("https://robin:sec/ret@host/a", "<malformed URL>"),
        ("https://robin:80/secret@host/a", "<URL with `@`>"),
        ("https://robin:80?secret@host/a", "<URL with `@`>"),
        ("https://robin:80#secret@host/a", "<URL with `@`>"),
        ("secret@host", "<URL with `@`>"),
        ("https://a:b@c@host/", "https://host/"),
    ],
)
def test_what_is_shown_of_a_url(url: str, shown: str) -> None:
    assert redact(url) == shown


def test_the_parts_of_a_url() -> None:
    assert split_login("https://rob%40in:a%3Ab@host/p?q=1") == ("https://host/p?q=1", ("rob@in", "a:b"))
    assert split_login("https://host/p") == ("https://host/p", None)
    assert origin("https://HOST/") == origin("https://host:443/x") != origin("http://host/")
    assert is_loopback("127.0.0.9")
    assert is_loopback("[::1]")
    assert is_loopback("localhost")
    assert not is_loopback("localhost.example.org")
