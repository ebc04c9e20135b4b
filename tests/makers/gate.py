"""A gate before a real registry: it asks for tokens, and makes the faults that a test wants."""

from __future__ import annotations

import base64
import http.client
import json
import select
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final
from urllib.parse import parse_qsl, urlsplit

_HOP: Final = frozenset(("connection", "transfer-encoding", "content-length", "date", "server"))


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it came; header names are in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> list[tuple[str, str]]:
        return parse_qsl(urlsplit(self.target).query)

    @property
    def fields(self) -> list[tuple[str, str]]:
        """What a form says, wherever it stands."""
        return self.query or parse_qsl(self.body.decode())


@dataclass(frozen=True, slots=True)
class Break:
    """An end before the end: after so many bytes of the body, or (None) before anything is said.

    The gate hangs up; if `silent` it says nothing more until the client has gone, and if it is a
    `trickle` the rest comes byte by byte.
    """

    after: int | None = None
    silent: bool = False
    trickle: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    broken: Break | None = None


Forward = Callable[[Asked], Answer]
# Answers a request itself, or lets it through (None).
Before = Callable[[Asked], Answer | None]
# Changes what the registry answered.
After = Callable[[Asked, Answer], Answer]
# Stands around the registry: may change what it is asked, and what it answers.
Around = Callable[[Asked, Forward], Answer]


@dataclass(slots=True)
class Gate:
    """Forwards to `upstream` ("" = there is none); keeps what was asked, and by which connections."""

    upstream: str
    before: Before = lambda asked: None
    after: After = lambda asked, answer: answer
    around: Around = lambda asked, forward: forward(asked)
    host: str = ""
    asked: list[Asked] = field(default_factory=list)
    connections: set[tuple[str, int]] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, asked: Asked) -> Answer:
        with self.lock:
            self.asked.append(asked)
            own = self.before(asked)
        return own or self.after(asked, self.around(asked, self._forward))

    def _forward(self, asked: Asked) -> Answer:
        connection = http.client.HTTPConnection(self.upstream)
        try:
            headers = {name: value for name, value in asked.headers.items() if name not in _HOP}
            connection.request(asked.method, asked.target, asked.body, headers)
            response = connection.getresponse()
            kept = {name: value for name, value in response.getheaders() if name.lower() not in _HOP}
            if asked.method == "HEAD":
                kept["Content-Length"] = response.getheader("Content-Length", "0")
            return Answer(response.status, response.read(), kept)
        finally:
            connection.close()

    def count(self, method: str, part: str = "") -> int:
        """How many requests of a method had `part` in their target."""
        return sum(asked.method == method and part in asked.target for asked in self.asked)


class _Server(ThreadingHTTPServer):
    gate: Gate
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: clients under test hang up when they have seen enough."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body are two writes

    def handle_any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.gate.connections.add(self.client_address)
        answer = self.server.gate.answer(Asked(self.command, self.path, headers, body))
        if answer.broken is None:
            self._send(answer, answer.body)
            return
        if answer.broken.after is not None:
            self._send(answer, answer.body[: answer.broken.after])
        if answer.broken.silent:
            self._await_end(None)
        if answer.broken.trickle:
            rest = iter(answer.body[answer.broken.after :])
            while not self._await_end(0.02) and (byte := next(rest, None)) is not None:
                self.wfile.write(bytes([byte]))
        self.close_connection = True

    def _await_end(self, seconds: float | None) -> bool:
        """Wait for the client to go; whether it has."""
        return bool(select.select([self.connection], [], [], seconds)[0])

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any  # noqa: N815

    def _send(self, answer: Answer, body: bytes) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if "Content-Length" not in answer.headers:
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def open_gate(gate: Gate, tls: ssl.SSLContext | None = None) -> Iterator[Gate]:
    """Serve a gate on loopback; its `host` is set."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.gate = gate
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    gate.host = f"127.0.0.1:{server.server_port}"
    try:
        yield gate
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class TokenGuard:
    """A gate's `before` that wants bearer tokens; its own `/token` gives them to one user.

    A token says what it is for; requests outside of that are refused again, as real servers do.
    """

    def __init__(self, user: str, password: str, refresh: str = "") -> None:
        self._basic = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
        self._refresh = refresh
        self.valid = 1  # tokens of other numbers have run out
        self.given: list[str] = []

    def __call__(self, asked: Asked) -> Answer | None:
        if asked.path == "/token":
            return self._give(asked)
        repository, action = _need(asked)
        kind, _, token = asked.headers.get("authorization", "").partition(" ")
        if kind == "Bearer" and token in self._tokens(token, repository, action):
            return None
        challenge = f'Bearer realm="http://{asked.headers["host"]}/token",service="gate",'
        challenge += f'scope="repository:{repository}:{action}"'
        return Answer(401, b"{}", {"WWW-Authenticate": challenge})

    def _give(self, asked: Asked) -> Answer:
        allowed = asked.headers.get("authorization") == self._basic
        if asked.method == "POST":
            allowed = bool(self._refresh) and ("refresh_token", self._refresh) in asked.fields
        if not allowed:
            return Answer(401, b"{}")
        scopes = [value for key, value in asked.fields if key == "scope"]
        token = f"{self.valid}|" + " ".join(scopes)
        self.given.append(base64.b64encode(token.encode()).decode())
        return Answer(200, json.dumps({"token": self.given[-1]}).encode())

    def _tokens(self, token: str, repository: str, action: str) -> list[str]:
        """The token itself, if it is valid for this."""
        number, _, scopes = base64.b64decode(token).decode().partition("|")
        for scope in scopes.split(" "):
            _, name, actions = scope.split(":")
            if name == repository and action in actions.split(",") and number == str(self.valid):
                return [token]
        return []


def _need(asked: Asked) -> tuple[str, str]:
    # From the end: a repository may itself be called `blobs`.
    kind = "/manifests/" if "/manifests/" in asked.path else "/blobs/"
    repository = asked.path.removeprefix("/v2/").rpartition(kind)[0]
    return repository, "pull" if asked.method in ("GET", "HEAD") else "push"
