"""A server on loopback that has the right files, and whose answers go wrong on the wire in a stated way."""

from __future__ import annotations

import re
import socket
import ssl
import struct
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Final, Self
from urllib.parse import unquote

ALWAYS: Final = 1_000_000
BINARY: Final = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class File:
    """What a site has at a path."""

    data: bytes
    kind: str = BINARY


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it came; header names are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]

    @property
    def range(self) -> str:
        return self.headers.get("range", "")


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    def head(self, *, length: bool = True) -> bytes:
        """The bytes before the body."""
        lines = [f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        lines += [f"Content-Length: {len(self.body)}"] if length else []
        return "\r\n".join([*lines, "Connection: close", "", ""]).encode()

    def with_headers(self, **headers: str) -> Self:
        """The same with more headers; `_` stands for `-`."""
        more = {name.replace("_", "-"): value for name, value in headers.items()}
        return replace(self, headers={**self.headers, **more})


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request, and the connection that waits for its answer and is closed afterwards."""

    connection: socket.socket
    asked: Asked
    site: Site

    @property
    def right(self) -> Reply:
        """What a working server answers."""
        return self.site.right_reply(self.asked)

    def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.connection.sendall(data)

    def reply(self, reply: Reply) -> None:
        """Send a whole answer; a HEAD gets no body."""
        self.send(reply.head() + (b"" if self.asked.method == "HEAD" else reply.body))

    def await_end(self) -> None:
        """Wait until the client has enough of waiting."""
        while self.connection.recv(1 << 16):
            pass


Act = Callable[[Exchange], None]


@dataclass(frozen=True, slots=True)
class Fault:
    """A way to go wrong; a test's name shows its own."""

    name: str
    act: Act


@dataclass(slots=True)
class Plan:
    """A fault for the requests that match, `left` times."""

    matches: Callable[[Asked], bool]
    fault: Fault
    left: int = ALWAYS


@dataclass(slots=True)
class Site:
    """What is served and what was asked. All of it may be changed while it runs."""

    files: dict[str, File] = field(default_factory=dict)
    ranges: bool = True
    plans: list[Plan] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    url: str = ""
    _lock: Lock = field(default_factory=Lock)

    def count(self, matches: Callable[[Asked], bool]) -> int:
        """How many requests matched."""
        return sum(map(matches, self.asked))

    def choose_act(self, asked: Asked) -> Act:
        """What happens to a request: the first plan that matches decides."""
        with self._lock:
            self.asked.append(asked)
            for plan in self.plans:
                if plan.left and plan.matches(asked):
                    plan.left -= 1
                    return plan.fault.act
        return send_right

    def right_reply(self, asked: Asked) -> Reply:
        """The answer that a working server gives."""
        file = self.files.get(unquote(asked.path))
        if file is None:
            return Reply(404)
        kind = {"Content-Type": file.kind}
        match = re.fullmatch(r"bytes=(\d*)-(\d*)", asked.range)
        size = len(file.data)
        if not match or not self.ranges:
            return Reply(200, file.data, kind)
        begin = int(match[1]) if match[1] else max(0, size - int(match[2]))
        end = min(int(match[2]), size - 1) if match[1] and match[2] else size - 1
        if begin >= size:
            return Reply(416, headers={"Content-Range": f"bytes */{size}"})
        return Reply(
            206, file.data[begin : end + 1], {**kind, "Content-Range": f"bytes {begin}-{end}/{size}"}
        )


@contextmanager
def run_site(site: Site, tls: ssl.SSLContext | None = None) -> Iterator[Site]:
    """Serve a site until the block ends; its `url` is set."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            self.close_connection = True
            headers = {name.lower(): value for name, value in self.headers.items()}
            asked = Asked(self.command, self.path, headers)
            site.choose_act(asked)(Exchange(self.connection, asked, site))

        do_GET = do_HEAD = handle_any  # noqa: N815

        def log_message(self, *arguments: object) -> None:
            pass

    server = _Server(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    site.url = f"{'https' if tls else 'http'}://localhost:{server.server_port}"
    try:
        yield site
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: clients hang up when they have seen enough."""


# Ways to answer.


def send_right(exchange: Exchange) -> None:
    """No fault."""
    exchange.reply(exchange.right)


def spoil(name: str, change: Callable[[Reply], Reply]) -> Fault:
    """A well-formed answer that is another than the right one."""
    return Fault(name, lambda exchange: exchange.reply(change(exchange.right)))


def status(code: int, **headers: str) -> Fault:
    """An answer of this status."""
    name = "-".join([str(code), *headers])
    return spoil(name, lambda right: Reply(code, b"an explanation").with_headers(**headers))


def redirect(name: str, locate: Callable[[Asked], str]) -> Fault:
    """A redirect to wherever a request belongs."""
    return Fault(
        name, lambda exchange: exchange.reply(Reply(302, headers={"Location": locate(exchange.asked)}))
    )


def cut(name: str, point: Callable[[Reply], bytes]) -> Fault:
    """An answer that ends where it should not."""
    return Fault(name, lambda exchange: exchange.send(point(exchange.right)))


def other_file(path: str) -> Fault:
    """The right answer to another request."""

    def act(exchange: Exchange) -> None:
        exchange.reply(exchange.site.right_reply(replace(exchange.asked, path=path)))

    return Fault("other-file", act)


def shift_range(name: str, *, begin: int, size: int) -> Fault:
    """A range answer that says that its bytes lie elsewhere."""

    def change(right: Reply) -> Reply:
        if right.status != 206:
            return right
        first, last, total = map(int, right.headers["Content-Range"][6:].replace("/", "-").split("-"))
        stated = f"bytes {first + begin}-{last + begin}/{total + size}"
        return right.with_headers(Content_Range=stated)

    return spoil(name, change)


def _half(right: Reply) -> bytes:
    return right.head() + right.body[: len(right.body) // 2]


def _stall_within(exchange: Exchange) -> None:
    exchange.send(_half(exchange.right))
    exchange.await_end()


def _reset_within(exchange: Exchange) -> None:
    exchange.send(_half(exchange.right))
    exchange.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    exchange.connection.close()


def _go_on(exchange: Exchange) -> None:
    exchange.send(exchange.right.head(length=False) + exchange.right.body)
    while True:
        exchange.send(bytes(1 << 20))


def _flip(right: Reply) -> Reply:
    changed = bytearray(right.body)
    for position in range(30, len(changed), 60):
        changed[position] ^= 0xFF
    return replace(right, body=bytes(changed))


def _ignore_range(exchange: Exchange) -> None:
    exchange.reply(exchange.site.right_reply(replace(exchange.asked, headers={})))


CUT_BEFORE = cut("cut-before", lambda right: b"")
CUT_STATUS = cut("cut-status", lambda right: right.head()[:12])
CUT_HEADERS = cut("cut-headers", lambda right: right.head().partition(b"Content-Length")[0])
CUT_BODY = cut("cut-body", _half)
RESET_BODY = Fault("reset-body", _reset_within)
NO_HTTP = cut("no-http", lambda right: b"220 mail.example ESMTP\r\n")
STALL_BEFORE = Fault("stall-before", Exchange.await_end)
STALL_BODY = Fault("stall-body", _stall_within)
ENDLESS = Fault("endless", _go_on)
SHORT = spoil("short", lambda right: replace(right, body=right.body[: len(right.body) // 2]))
FLIPPED = spoil("flipped", _flip)
WRONG_TYPE = spoil("wrong-type", lambda right: right.with_headers(Content_Type="text/plain"))
NO_RANGES = Fault("no-ranges", _ignore_range)
OTHER_RANGE = shift_range("other-range", begin=7, size=0)
OTHER_LENGTH = shift_range("other-length", begin=7, size=7)
