from __future__ import annotations

import gzip
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
from envbuild.sources.http import HttpClient, Patience, StatusError, TransportError
from envbuild.store.disk import DiskStore
from tests.makers.gate import Answer, Asked, Gate
from tests.unit.sources.conftest import DATA, DIGEST

pytestmark = pytest.mark.usefixtures("no_settings")


PAST = formatdate(0, usegmt=True)


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


def test_a_client_costs_nothing_before_its_first_request() -> None:
    program = "import sys; from envbuild.sources.http import HttpClient; HttpClient(); "
    program += "print(sorted({'urllib3', 'ssl', 'socket', 'email', 'urllib.request'} & sys.modules.keys()))"
    run = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert run.stdout == "[]\n"
